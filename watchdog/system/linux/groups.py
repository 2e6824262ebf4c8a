"""A control group of ours around one service, which bounds its memory: version 2 and version 1.

It is made below the group that we are in, so that no limit above us is lost. Version 2 takes a group with a limit
beside processes only at the very top; there ours is made if nothing above us has a limit. ValueError or OSError where
this machine takes none.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from watchdog.system.linux import machine

_PREFIX = "wd-"


class MemoryGroup:
    """Made at once, with its limit. `join` and `leave` move this process; what it starts in between stays inside."""

    def __init__(self, service: str, limit: int, lives: Callable[[int], bool]) -> None:
        folders = machine.memory_groups(os.getpid())
        if not folders:
            raise OSError("no control group for memory is mounted")
        self._home, top = folders[0], folders[-1]
        second = (self._home / "cgroup.controllers").exists()
        above = _above(self._home, top) if second else self._home
        self.folder = above / f"{_PREFIX}{service}-{os.getpid()}"
        _sweep(above, lives)
        self.folder.mkdir(exist_ok=True)
        try:
            (self.folder / ("memory.max" if second else "memory.limit_in_bytes")).write_text(str(limit))
        except BaseException:
            self.remove()
            raise
        with contextlib.suppress(OSError):  # what is swapped out would not count; some kernels have no such file
            (self.folder / ("memory.swap.max" if second else "memory.memsw.limit_in_bytes")).write_text(
                "0" if second else str(limit)
            )
        self._before = 0

    def join(self) -> None:
        """OSError if the kernel does not allow it."""
        self._before = self._kills()
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def leave(self) -> None:
        with contextlib.suppress(OSError):
            (self._home / "cgroup.procs").write_text(str(os.getpid()))

    @property
    def has_killed(self) -> bool:
        """Whether the kernel has ended a process of it since the last start, for want of memory."""
        return self._kills() > self._before

    def remove(self) -> None:
        """When nobody is left in it."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _kills(self) -> int:
        return machine.group_of(self.folder).oom_kills or 0


def _above(home: Path, top: Path) -> Path:
    """Version 2: the group below which a limited one may stand."""
    groups = [home, *(one for one in home.parents if one == top or top in one.parents)]
    if home != top and any(machine.group_of(one).limit is not None for one in groups):
        raise ValueError("a limit of the group above would be lost")
    if "memory" not in (top / "cgroup.subtree_control").read_text().split():
        raise ValueError("the memory controller is not enabled for new groups")
    return top


def _sweep(above: Path, lives: Callable[[int], bool]) -> None:
    """Remove what killed shims have left. The kernel refuses that while a process is inside."""
    for folder in above.glob(f"{_PREFIX}*-*"):
        number = folder.name.rpartition("-")[2]
        if number.isdecimal() and not lives(int(number)):
            with contextlib.suppress(OSError):
                folder.rmdir()
