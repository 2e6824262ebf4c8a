"""The tasks that a suspended task waits for all together: `gather`, `wait`, a task group of asyncio.

Of these only `gather` keeps its tasks in the future at the end of the await chain. The others wait for a bare future,
and have the tasks in a variable of their own call.
"""

from __future__ import annotations

from watchdog.cpython.frames import Frames, LiveFrame
from watchdog.cpython.task_registry import members
from watchdog.system.process.memory import Unmapped

_GATHERING = "_GatheringFuture"
_WAIT = ("asyncio/tasks.py", "_wait")
_GROUPS = (("asyncio/taskgroups.py", "TaskGroup.__aexit__"), ("asyncio/taskgroups.py", "TaskGroup._aexit"))


def awaited(frames: Frames, chain: tuple[LiveFrame, ...], future: int) -> list[int]:
    """Addresses; empty for a task that waits for one thing, or for these no longer than a given time."""
    objects = frames.objects
    try:
        if future and objects.kind(future) == _GATHERING:
            children = objects.attribute(future, "_children")
            return objects.items(children) if children else []
        last = chain[-1] if chain else None
        if last is None:
            return []
        if _is_at(last, _WAIT):
            limit, waited = frames.variable(last, "timeout"), frames.variable(last, "fs")
            unbounded = limit is None or objects.kind(limit) == "NoneType"
            return _members(frames, waited) if unbounded else []
        if any(_is_at(last, one) for one in _GROUPS):
            group = frames.variable(last, "self")
            return _members(frames, objects.attribute(group, "_tasks") if group else None)
    except Unmapped:
        pass
    return []


def _is_at(frame: LiveFrame, place: tuple[str, str]) -> bool:
    name = frame.code.qualified if "." in place[1] else frame.code.name
    return frame.code.file.endswith(place[0]) and name == place[1]


def _members(frames: Frames, kept: int | None) -> list[int]:
    known = kept and frames.objects.kind(kept) in ("set", "frozenset")
    return list(members(frames.objects, kept)) if kept and known else []
