"""What only Linux tells: the same functions with empty answers, for the other systems."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from watchdog.model.facts import Crash, FileLock, OomKill
from watchdog.system.process import address_space
from watchdog.system.process.address_space import Memory, Unreadable
from watchdog.system.process.table import Layout, Row

READABLE = False
CAN_HEAR = False  # what a server says by sd_notify


def share_one_arena() -> None:
    """Only glibc has several."""


# The memory of another process.


def open_memory(pid: int) -> Memory | Unreadable:
    return Unreadable("the memory of another process is read on Linux only")


def mappings(pid: int) -> tuple[address_space.Mapping, ...] | Unreadable:
    return Unreadable("the memory of another process is read on Linux only")


def executable(pid: int) -> str:
    return ""


def find_symbol(memory: Memory, start: int, name: str) -> int | None:
    return None


# Locks on files.


def rows() -> tuple[FileLock, ...]:
    return ()


def inodes(pid: int, numbers: Mapping[int, str]) -> dict[int, str]:
    return {}


# What ties a process to those it came from.


def layout(pid: int) -> Layout | None:
    return None


def layout_of(row: Row) -> Layout | None:
    return None


def ticks_now() -> int:
    return 0


def is_settled(started: int) -> bool:
    return True


def newest_pid() -> int:
    return 0


def wait_channel(pid: int) -> str:
    return ""


def group_folder(pid: int) -> Path | None:
    return None


def born_together(pid: int) -> frozenset[int]:
    return frozenset()


def group_members(folder: Path) -> frozenset[int]:
    return frozenset()


# Containers, and files that another process has open.


def thread_numbers(pid: int) -> dict[int, int]:
    return {}


def read_open_file(pid: int, number: int, limit: int) -> bytes | None:
    return None


# The logs of the system.


def crashes(now: float, since: float) -> tuple[Crash, ...]:
    return ()


def oom_kills(now: float) -> tuple[OomKill, ...]:
    raise OSError("this system keeps no list of processes that it ended because memory ran out")


# Services of Windows.


def names_of(pid: int) -> tuple[str, ...]:
    return ()
