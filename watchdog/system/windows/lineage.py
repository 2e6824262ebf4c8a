"""What ties a process of Windows to those it came from: the job that our shim put the first of them into."""

from __future__ import annotations

import time
from pathlib import Path

from watchdog.system.portable.untold import layout, layout_of, newest_pid, wait_channel
from watchdog.system.windows import everybody, jobs

__all__ = [
    "born_together",
    "group_folder",
    "group_members",
    "is_settled",
    "layout",
    "layout_of",
    "newest_pid",
    "ticks_now",
    "wait_channel",
]

_MOMENT = 1_000_000  # tenths of a microsecond
_1601 = 116_444_736_000_000_000  # the first moment of Windows' clock, before 1970


def ticks_now() -> int:
    """The present moment in the unit of a process's creation time."""
    return time.time_ns() // 100 + _1601


def is_settled(started: int) -> bool:
    """Whether a process with this creation time has lived for more than a moment."""
    return ticks_now() - started > _MOMENT


def group_folder(pid: int) -> Path | None:
    """The name of the job of ours that a process is in."""
    found = _job_of(pid)
    return Path(found[0]) if found else None


def group_members(folder: Path) -> frozenset[int]:
    """The pids in that job."""
    return jobs.members_of(str(folder)) or frozenset()


def born_together(pid: int) -> frozenset[int]:
    """Everybody in the job of ours that a process is in; empty where it is in none."""
    found = _job_of(pid)
    return found[1] if found else frozenset()


def _job_of(pid: int) -> tuple[str, frozenset[int]] | None:
    """Each process might be a shim of ours: whether it has a job is told by the job's name."""
    for one in everybody.look().values():
        called = jobs.name(one.pid, one.created)
        inside = jobs.members_of(called)
        if inside and pid in inside:
            return called, inside
    return None
