"""Which locks a frame holds and wants where its source is not there: told by its value stack and its handlers.

A `with` block leaves the `__exit__` of its manager on the stack, and a handler that knows how high the stack is there.
What stands below that height is alive, whatever older entries lie above. The call that waits stands right on top of it.
"""

from __future__ import annotations

from dataclasses import replace

from watchdog.cpython.frames import Frames, LiveFrame
from watchdog.cpython.linetable import number_from_top
from watchdog.cpython.lock_objects import OWNED, LockObject, LockObjects
from watchdog.cpython.lock_syntax import LockUse
from watchdog.cpython.offsets import DESCRIPTOR_NAME
from watchdog.system.process.memory import Unmapped

_HIGHEST = 40  # places of a value stack that are looked at
_NEAR = 6  # places above the live ones, in which the call that waits keeps its lock
_TAKES = {"acquire": "acquire", "__enter__": "with", "__exit__": "with"}  # methods below a lock that is being taken
_CALLED = frozenset({"function", "type", "method", "builtin_function_or_method"})


class LockStacks:
    """Reads value stacks of one process. Python 3.10 has no table of handlers: nothing is told there."""

    def __init__(self, frames: Frames, locks: LockObjects) -> None:
        self._frames, self._locks, self._objects = frames, locks, frames.objects

    def entered(self, frame: LiveFrame) -> list[int]:
        """The managers whose `with` blocks the frame is in, outermost first."""
        height = self._height(frame)
        return self._locks.managers(self._frames.stack(frame, _HIGHEST)[:height]) if height else []

    def use(self, frame: LiveFrame, lock: LockObject) -> LockUse:
        """How the frame uses the lock: the line is that of the frame, where the block begins is not known."""
        return LockUse(self._name(frame, lock) or lock.kind, frame.position.line, "with", None)

    def wanted(self, frame: LiveFrame) -> tuple[LockObject, LockUse] | None:
        """The lock that the frame, an innermost one, takes at this moment; None if it calls something else."""
        height = self._height(frame)
        slots = self._frames.stack(frame, _HIGHEST)[height : height + _NEAR] if height is not None else []
        how = "with"  # from 3.12 on the manager alone stands there while it is entered
        for slot in filter(None, slots):
            owner = self._locks.bound_to(slot)
            lock = self._locks.look(owner or slot) if self._locks.kind(owner or slot) in OWNED else None
            if lock is not None:
                return lock, replace(self.use(frame, lock), how=how)
            kind = self._objects.kind(slot)
            called = self._text(slot + DESCRIPTOR_NAME) if kind == "method_descriptor" else ""
            if kind in _CALLED or (kind == "method_descriptor" and called not in _TAKES):
                return None  # the frame calls something else
            how = _TAKES.get(called, how)
        return None

    def _height(self, frame: LiveFrame) -> int | None:
        """How much of the value stack is alive for sure; None where this version does not tell."""
        table = self._frames.handlers(frame.code)
        return None if table is None else height_at(table, frame.offset)

    def _name(self, frame: LiveFrame, lock: LockObject) -> str:
        """How the code calls the lock, where it is a variable, or an attribute of one."""
        called = sorted(self._frames.called_names(frame.code))
        for name in (*frame.code.names, *called):
            value = self._frames.variable(frame, name)
            if value == lock.address:
                return name
            parts = {one: self._objects.attribute(value, one) for one in called} if value else {}
            found = next((one for one, address in parts.items() if address == lock.address), None)
            if found is not None:
                return f"{name}.{found}"
        return ""

    def _text(self, address: int) -> str:
        try:
            return self._objects.text(self._objects.word(address)) or ""
        except Unmapped:
            return ""


def height_at(table: bytes, offset: int) -> int:
    """The height of the value stack to which the handler around an instruction goes back; 0 without a handler.

    The format is documented in CPython's own `Objects/exception_handling_notes.txt`.
    """
    place = 0
    while place < len(table):
        start, place = number_from_top(table, place)
        length, place = number_from_top(table, place)
        _, place = number_from_top(table, place)
        depth, place = number_from_top(table, place)
        if 2 * start <= offset < 2 * (start + length):
            return depth >> 1
    return 0
