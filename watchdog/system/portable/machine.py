"""Memory and disks of the machine through psutil; there are no control groups and no pressure here."""

from __future__ import annotations

import psutil

from watchdog.model.evidence import DiskLook
from watchdog.model.facts import GroupMemory
from watchdog.system.disk.mounts import mount_of


def memory() -> tuple[int, int, int, int]:
    """(total, available, swap total, swap used) in bytes."""
    found = psutil.virtual_memory()
    try:
        swap = psutil.swap_memory()
    except (psutil.Error, OSError, RuntimeError):  # Windows with its performance counters switched off
        return found.total, found.available, 0, 0
    return found.total, found.available, swap.total, swap.used


def pressure() -> tuple[tuple[str, float], ...]:
    """Not told."""
    return ()


def oom_kills() -> int | None:
    """Not told."""
    return None


def group_memory(pid: int) -> GroupMemory:
    """No limits."""
    return GroupMemory()


def address_limit(pid: int) -> int | None:
    """Not told."""
    return None


def disk(path: str) -> DiskLook | None:
    """The file system under a path; None if there is no such path. May hang on a dead network file system."""
    try:
        usage = psutil.disk_usage(path)
    except OSError:
        return None
    return DiskLook(path, mount_of(path), usage.free, usage.total)


def local_mounts() -> list[str]:
    return [part.mountpoint for part in psutil.disk_partitions()]
