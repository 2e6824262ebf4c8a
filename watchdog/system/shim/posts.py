"""The files of living shims in a folder of our own user.

A shim that holds listening sockets can be reached there over a local socket; one whose server speaks sd_notify keeps
there what it has heard.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from watchdog.system.disk import files
from watchdog.system.process import processes

HELD, HEARD = "held", "heard"


def path(folder: str | Path, shim_pid: int, kind: str = HELD) -> Path:
    """The local socket of that shim, or what it has heard. Not in the folder of the records: a socket's name has a
    hundred characters at most.

    The moment of its start is part of the name: a shim that was killed leaves the file, and its pid gets another owner.
    """
    found = processes.read(shim_pid)
    return Path(folder) / f"{kind}-{shim_pid}-{found.identity.ticks if found else 0}"


def holding() -> frozenset[int]:
    """Pids of our user's shims that hold a listening socket for their service. They serve nobody themselves."""
    with contextlib.suppress(OSError):
        return frozenset(pid for _, pid in _found(files.runtime_folder(), HELD) if pid)
    return frozenset()


def sweep(folder: str | Path) -> None:
    """Remove what shims have left that were killed: nobody else would."""
    with contextlib.suppress(OSError):
        for kind in (HELD, HEARD):
            for place, pid in _found(Path(folder), kind):
                if not pid:
                    place.unlink(missing_ok=True)


def _found(folder: Path, kind: str) -> Iterator[tuple[Path, int]]:
    """Each such file, with the pid of its shim; 0 where that one is gone. A shim that was killed may be a zombie."""
    for place in folder.glob(f"{kind}-*"):
        number = place.name.split("-")[1]
        shim = processes.read(int(number)) if number.isdecimal() else None
        lives = shim is not None and not shim.ended and path(folder, shim.pid, kind) == place
        yield place, int(number) if lives else 0
