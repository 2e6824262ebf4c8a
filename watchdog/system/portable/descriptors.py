"""Open files of a process through psutil; pipes and who holds their other ends are not told."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import psutil

from watchdog.model.open_files import Descriptor
from watchdog.system.net import ports

_ERRORS = (psutil.Error, OSError)


def count(pid: int) -> int | None:
    """How many are open (handles on Windows); None without the right to look."""
    try:
        process: Any = psutil.Process(pid)  # the one or the other function is there
        return int(process.num_handles() if psutil.WINDOWS else process.num_fds())
    except _ERRORS:
        return None


def limit(pid: int) -> int | None:
    """Not told."""
    return None


def of(pid: int, kind: str = "") -> tuple[Descriptor, ...]:
    """Each open regular file; empty without the right to look. Of other kinds nothing is told, so nobody is asked."""
    if kind not in ("", "file"):
        return ()
    try:
        found = psutil.Process(pid).open_files()
    except _ERRORS:
        return ()
    return tuple(
        Descriptor(pid=pid, number=one.fd, kind="file", target=one.path, inode=None, writable=True) for one in found
    )


def of_all(pids: Iterable[int]) -> tuple[Descriptor, ...]:
    """Each open descriptor of several processes."""
    return tuple(one for pid in pids for one in of(pid))


def holds_socket(pid: int, inodes: Collection[int]) -> bool:
    """Whether it has one of these listening sockets open now."""
    return any(one.inode in inodes and pid in one.holders for one in ports.listeners())


def holders(inodes: Iterable[int], kind: str = "pipe") -> dict[int, tuple[tuple[int, bool], ...]]:
    """Not told."""
    return {}
