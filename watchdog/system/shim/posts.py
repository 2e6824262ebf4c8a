"""Where the shims that hold listening sockets can be reached: one local socket each, in a folder of our own user."""

from __future__ import annotations

import contextlib
from pathlib import Path

from watchdog.system.disk import files

_NAME = "held-"


def path(folder: str | Path, shim_pid: int) -> Path:
    """The local socket of that shim. Not in the folder of the records: its name has a hundred characters at most."""
    return Path(folder) / f"{_NAME}{shim_pid}"


def holding() -> frozenset[int]:
    """Pids of our user's shims that hold a listening socket for their service. They serve nobody themselves."""
    with contextlib.suppress(OSError):
        names = (one.name.removeprefix(_NAME) for one in files.runtime_folder().glob(f"{_NAME}*"))
        return frozenset(int(name) for name in names if name.isdecimal())
    return frozenset()
