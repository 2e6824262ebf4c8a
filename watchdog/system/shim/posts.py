"""Where the shims that hold listening sockets can be reached: one local socket each, in a folder of our own user."""

from __future__ import annotations

import contextlib
import socket
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


def call(folder: str | Path, shim_pid: int) -> socket.socket | None:
    """A connection to that shim; None if it holds nothing. What a killed shim left behind is removed."""
    place = path(folder, shim_pid)
    caller = socket.socket(socket.AF_UNIX)
    caller.settimeout(5.0)
    try:
        caller.connect(str(place))
    except ConnectionRefusedError:
        place.unlink(missing_ok=True)
    except OSError:
        pass
    else:
        return caller
    caller.close()
    return None
