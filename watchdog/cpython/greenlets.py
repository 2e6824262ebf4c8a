"""Suspended greenlets (gevent, eventlet): their calls, from where the greenlet package keeps them while they wait.

A greenlet object points at a record of the package's own (since 2.0), which no header publishes. So nothing of it is
believed before it has proved itself: the record must point back at its greenlet, and what it keeps as the top frame
must be a frame. A record that does not is reported as one that cannot be read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from watchdog.cpython.frames import Frames, LiveFrame
from watchdog.cpython.objects import Objects, plausible
from watchdog.cpython.offsets import OBJECT_SIZE
from watchdog.model.records import record
from watchdog.system.process.memory import Unmapped

GREENLET = "greenlet.greenlet"
_RECORD = 32  # in a greenlet object: behind its head, its weak references and its dict
# In the record: where the greenlet stands, and where the state of exceptions begins. Before 3.1 it stood at the end.
_LAYOUTS = ((8, 16),)
_OLD_LAYOUTS = {"3.10": ((144, 8),), "3.11": ((160, 8),), "3.12": ((160, 8),)}
_EXCEPTION_SIZES = {"3.10": 40}  # bytes of that state
_EXCEPTION_SIZE = 24
# Behind it, two arguments, then where the stack is and where its copy lies.
_STACK = struct.Struct("<QQQQ")  # lowest address, end, copy, bytes in the copy
_ARGUMENTS, _STACK_SIZE = 16, 40
_NEVER = 1 << 63
_DEEPEST = 300
_MOST_ITEMS = 1000
_BY_C, _BY_GENERATOR = 3, 1


@record(frozen=True)
class Suspended:
    """A greenlet that has begun, has not ended, and does not run."""

    address: int
    frames: tuple[LiveFrame, ...]  # innermost first


@record(frozen=True)
class Greenlets:
    """`strange` are those whose record is not laid out as we know it."""

    suspended: tuple[Suspended, ...] = ()
    strange: int = 0


class _Strange(Exception):
    """The record is none that we know."""


def read_greenlets(frames: Frames, addresses: Iterable[int]) -> Greenlets:
    found, strange = [], 0
    for address in addresses:
        try:
            calls = _calls(frames, address)
        except (_Strange, Unmapped):
            strange += 1
            continue
        if calls:
            found.append(Suspended(address, calls))
    return Greenlets(tuple(found), strange)


def named_by(frames: Frames, calls: Iterable[LiveFrame], listed: frozenset[int]) -> tuple[int, ...]:
    """The listed greenlets that these calls have in their variables, also in small containers: what they may join."""
    found: dict[int, None] = {}
    for call in calls:
        values = [frames.variable(call, name) or 0 for name in call.code.names]
        for value in (*values, *frames.stack(call)):
            found.update(dict.fromkeys(one for one in _with_items(frames.objects, value) if one in listed))
    return tuple(found)


def _with_items(objects: Objects, value: int) -> list[int]:
    """The value, and what is in it if it is a small list or tuple."""
    if not plausible(value):
        return []
    few = objects.kind(value) in ("list", "tuple") and objects.word(value + OBJECT_SIZE) <= _MOST_ITEMS
    return [value, *objects.items(value)] if few else [value]


def _calls(frames: Frames, greenlet: int) -> tuple[LiveFrame, ...]:
    """Empty if it has not begun, has ended, or runs."""
    objects, version = frames.objects, frames.offsets.version
    record = objects.word(greenlet + _RECORD)
    if not plausible(record):
        raise _Strange
    layouts = (*_LAYOUTS, *_OLD_LAYOUTS.get(version, ()))
    state = next((record + state for own, state in layouts if objects.word(record + own) == greenlet), None)
    if state is None:
        raise _Strange
    stack = state + _EXCEPTION_SIZES.get(version, _EXCEPTION_SIZE) + _ARGUMENTS
    start, end, copy, saved = objects.memory.unpack(_STACK, stack)
    context, top = objects.word(stack + _STACK_SIZE), objects.word(stack + _STACK_SIZE + 8)
    if context and objects.kind(context).rpartition(".")[2] != "Context":
        raise _Strange
    if not top:
        return ()
    if not plausible(top) or objects.kind(top) != "frame" or saved >= _NEVER or (start and end < start):
        raise _Strange
    return _walk(frames, frames.inside(top), _Stack(start, copy, saved))


@record(frozen=True)
class _Stack:
    """The part of a greenlet's C stack that another greenlet uses now; it lies in a copy."""

    start: int
    copy: int
    saved: int

    def where(self, address: int) -> int:
        return address - self.start + self.copy if self.start <= address < self.start + self.saved else address


def _walk(frames: Frames, address: int, stack: _Stack) -> tuple[LiveFrame, ...]:
    offsets, memory = frames.offsets, frames.objects.memory
    found: list[LiveFrame] = []
    seen: set[int] = set()
    while plausible(address) and address not in seen and len(found) < _DEEPEST:
        seen.add(address)
        here = stack.where(address)
        owner = memory.read(here + offsets.frame_owner, 1)[0] if offsets.frame_owner is not None else 0
        if owner < _BY_C:  # else it marks where C code called the interpreter; runs nothing
            frame = frames.at(here, here - offsets.generator_frame if owner == _BY_GENERATOR else 0)
            if frame is None:
                raise _Strange
            found.append(frame)
        address = memory.word(here + offsets.frame_previous)
    return tuple(found)
