"""The threads of a process of Windows: state, CPU time, age; not what each waits in."""

from __future__ import annotations

from watchdog.model.evidence import ThreadLook
from watchdog.model.facts import Facts
from watchdog.system import clock
from watchdog.system.portable.threads import children, with_memory
from watchdog.system.windows import everybody

__all__ = ["ACTIVE_IS_TOLD", "children", "facts", "is_runnable", "look", "with_memory"]

ACTIVE_IS_TOLD = False  # py-spy calls nearly every thread active here


def look(pid: int) -> tuple[ThreadLook, ...]:
    """Every thread, the oldest first: the main thread. Empty where there is no such process."""
    told, now = everybody.look().get(pid), clock.now()
    inside = sorted(told.threads if told else (), key=lambda one: (one.created, one.tid))
    return tuple(
        ThreadLook(
            pid=pid,
            tid=one.tid,
            name="",
            state=one.state,
            cpu_seconds=one.cpu_seconds,
            wait_channel=one.reason or None,
            switches=one.switches or None,
            age=max(0.0, now - everybody.seconds(one.created)),
            first=one is inside[0],
        )
        for one in inside
    )


def is_runnable(pid: int, tid: int) -> bool:
    """Whether it is on a CPU or ready for one."""
    return any(one.tid == tid and one.state == "R" for one in look(pid))


def facts(pid: int) -> Facts:
    """The peak of its memory."""
    told = everybody.look().get(pid)
    return Facts(peak_rss=told.peak_rss if told else None)
