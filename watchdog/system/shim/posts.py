"""Where the shims that hold listening sockets can be reached: one local socket each, in a folder of our own user."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from watchdog.system.disk import files
from watchdog.system.process import processes

_NAME = "held-"


def path(folder: str | Path, shim_pid: int) -> Path:
    """The local socket of that shim. Not in the folder of the records: its name has a hundred characters at most.

    The moment of its start is part of the name: a shim that was killed leaves the file, and its pid gets another owner.
    """
    found = processes.read(shim_pid)
    return Path(folder) / f"{_NAME}{shim_pid}-{found.identity.ticks if found else 0}"


def holding() -> frozenset[int]:
    """Pids of our user's shims that hold a listening socket for their service. They serve nobody themselves."""
    with contextlib.suppress(OSError):
        return frozenset(pid for _, pid in _found(files.runtime_folder()) if pid)
    return frozenset()


def sweep(folder: str | Path) -> None:
    """Remove what shims have left that were killed: nobody else would."""
    with contextlib.suppress(OSError):
        for place, pid in _found(Path(folder)):
            if not pid:
                place.unlink(missing_ok=True)


def _found(folder: Path) -> Iterator[tuple[Path, int]]:
    """Each such file, with the pid of its shim; 0 where that one is gone."""
    for place in folder.glob(f"{_NAME}*"):
        number = place.name.removeprefix(_NAME).partition("-")[0]
        lives = number.isdecimal() and path(folder, int(number)) == place
        yield place, int(number) if lives else 0
