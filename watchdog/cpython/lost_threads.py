"""Threads that a fork left behind: their objects say that they were started, and the process has no such threads."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice

from watchdog.cpython.frames import Frames
from watchdog.cpython.offsets import FUNCTION_CODE, METHOD_FUNCTION
from watchdog.model.evidence import Frame, LostThread
from watchdog.system.process.memory import Unmapped

THREAD = "Thread"
_CLASS = "threading.Thread"
_MOST = 500


def is_thread(frames: Frames, type_: int) -> bool:
    objects = frames.objects
    return objects.derives(type_, THREAD) and any(
        objects.full_name(one) == _CLASS for one in (type_, *objects.bases(type_))
    )


def lost_threads(frames: Frames, found: Iterable[int], living: Collection[int]) -> tuple[LostThread, ...]:
    """Of the `Thread` objects at these addresses, without those that live: threads that began elsewhere and never
    ended there."""
    lost = (_lost(frames, address) for address in islice((one for one in found if one not in living), _MOST))
    return tuple(one for one in lost if one is not None)


def _lost(frames: Frames, thread: int) -> LostThread | None:
    """A thread that comes to its end forgets its target. One whose class has a `run` of its own tells nothing of that:
    only its twin in the parent can."""
    objects = frames.objects
    ident, begun = _number(frames, thread, "_ident"), objects.attribute(thread, "_started")
    if ident is None or not begun or not _number(frames, begun, "_flag"):
        return None
    target = objects.attribute(thread, "_target")
    own = not target or objects.kind(target) == "NoneType"
    run = objects.inherited(objects.type_of(thread), "run") if own else target
    place = _place(frames, run or 0)
    name = objects.attribute(thread, "_name")
    if place is None or (own and place.file.endswith("/threading.py")):
        return None  # it has ended
    return LostThread((objects.text(name) if name else None) or "", ident, place, certain=not own)


def _number(frames: Frames, owner: int, name: str) -> int | None:
    value = frames.objects.attribute(owner, name)
    return frames.objects.number(value) if value else None


def _place(frames: Frames, function: int) -> Frame | None:
    """Where a function, or the function of a bound method, begins."""
    objects = frames.objects
    try:
        if objects.kind(function) == "method":
            function = objects.word(function + METHOD_FUNCTION)
        if objects.kind(function) != "function":
            return None
        code = frames.code(objects.word(function + FUNCTION_CODE))
    except Unmapped:
        return None
    return Frame(code.qualified, code.file, code.first_line) if code is not None else None
