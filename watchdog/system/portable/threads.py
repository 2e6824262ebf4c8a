"""The threads of a process through psutil: numbers and CPU times, not what each waits in."""

from __future__ import annotations

import psutil

from watchdog.model.evidence import ThreadLook
from watchdog.model.facts import Facts

ACTIVE_IS_TOLD = True  # py-spy asks macOS whether a thread runs
_ERRORS = (psutil.Error, OSError)


def look(pid: int) -> tuple[ThreadLook, ...]:
    """Every thread, the one with the lowest number first; empty where there is no such process."""
    try:
        found = sorted(psutil.Process(pid).threads(), key=lambda one: one.id)
    except _ERRORS:
        return ()
    return tuple(
        ThreadLook(
            pid=pid,
            tid=one.id,
            name="",
            state="?",
            cpu_seconds=one.user_time + one.system_time,
            wait_channel=None,
            call=None,
            switches=None,
            asleep=None,
            age=None,
            first=one is found[0],
        )
        for one in found
    )


def is_runnable(pid: int, tid: int) -> bool:
    """Not told: only its CPU time says whether a thread runs."""
    return False


def facts(pid: int) -> Facts:
    """The peak of its memory, where the system counts it."""
    try:
        peak = getattr(psutil.Process(pid).memory_info(), "peak_wset", None)
    except _ERRORS:
        peak = None
    return Facts(peak_rss=peak)


def with_memory(thread: ThreadLook) -> ThreadLook:
    """The same: the memory is not read."""
    return thread


def children(pid: int) -> tuple[int, ...] | None:
    """None: only a look at every process tells."""
    return None
