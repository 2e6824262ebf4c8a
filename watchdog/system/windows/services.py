"""Which service of Windows a process is, as the Service Control Manager says."""

from __future__ import annotations

import psutil


def names_of(pid: int) -> tuple[str, ...]:
    """The services that run in this process. OSError if the manager does not say."""
    found = []
    try:
        for one in psutil.win_service_iter():
            try:
                if one.pid() == pid:
                    found.append(str(one.name()))
            except (psutil.Error, OSError):  # another one, that may not be asked or is just deleted
                continue
    except psutil.Error as error:
        raise OSError(str(error)) from None
    return tuple(sorted(found))
