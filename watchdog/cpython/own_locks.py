"""Locks of the application's own making: a class that lets threads wait in its methods, under a condition.

Such a lock has no owner in memory. Who holds it shows in the calls: a `with` around the place has entered the object
itself, or a generator of one of its methods. Only what is shown to be the same object counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from watchdog.cpython.callstacks import LiveThread
from watchdog.cpython.frames import LiveFrame
from watchdog.cpython.lock_places import LockPlaces
from watchdog.cpython.lock_syntax import LockUse
from watchdog.model.records import record

_GENERATOR_MANAGER = "contextlib._GeneratorContextManager"
_WAITS = frozenset({"wait", "wait_for", "acquire"})
_LIBRARY = "/contextlib.py"


@record(frozen=True)
class Entering:
    """A thread that waits in the methods of such a lock, in the middle of taking it."""

    address: int  # of the lock
    methods: frozenset[int]  # addresses of the code of its methods in which the thread stands
    view: int  # type of an object that stands for the lock in `with`; 0 where there is none
    caller: LiveFrame | None  # the call that takes it
    place: int  # of the caller among the thread's calls


class OwnLocks:
    """Finds them by the calls of the threads that wait."""

    def __init__(self, places: LockPlaces) -> None:
        self._places, self._frames, self._objects = places, places.frames, places.objects

    def entering(self, thread: LiveThread, inside: int) -> Entering | None:
        """What the thread takes, where its innermost calls, so many, wait for a sign on behalf of a method."""
        frames = thread.frames
        address = self._itself(frames[inside]) if inside < len(frames) else 0
        if not address:
            return None
        end = inside
        while end < len(frames) and self._itself(frames[end]) == address:
            end += 1
        methods, last = frozenset(frame.code.address for frame in frames[inside:end]), frames[end - 1]
        if end >= len(frames):
            return None
        outer = frames[end]
        if outer.code.name == "__enter__" and outer.code.file.endswith(_LIBRARY):
            return self._entering(address, methods, 0, frames, end + 1) if last.generator else None
        if outer.code.name == "__enter__" and (view := self._itself(outer)) and self._has(view, address):
            return self._entering(address, methods, self._objects.type_of(view), frames, end + 1)
        use = self._places.uses(outer).wanted
        by_name = use is not None and self._places.resolve(outer, use) == address
        return self._entering(address, methods, 0, frames, end) if last.code.name == "__enter__" or by_name else None

    @staticmethod
    def _entering(
        address: int, methods: frozenset[int], view: int, frames: Sequence[LiveFrame], place: int
    ) -> Entering | None:
        return Entering(address, methods, view, frames[place], place) if place < len(frames) else None

    def held(self, frame: LiveFrame, known: Sequence[Entering]) -> Iterator[tuple[int, LockUse]]:
        """Which of these locks the call has taken, each with the place where it did."""
        for manager, use in self._places.managers(frame):
            yield from ((one.address, use) for one in known if self._is_inside(manager, one))
        for use in self._places.uses(frame).acquired:
            address = self._places.resolve(frame, use)
            yield from ((one.address, use) for one in known if one.address == address)

    def _is_inside(self, manager: int, lock: Entering) -> bool:
        if manager == lock.address:
            return True
        if lock.view and self._objects.type_of(manager) == lock.view:
            return self._has(manager, lock.address)
        if self._objects.full_kind(manager) != _GENERATOR_MANAGER:
            return False
        generator = self._objects.attribute(manager, "gen")
        method = self._frames.of_generator(generator) if generator else None
        if method is None or self._itself(method) != lock.address:
            return False
        return method.code.address in lock.methods or bool(self._frames.called_names(method.code) & _WAITS)

    def _itself(self, frame: LiveFrame) -> int:
        """The object whose method the call is; 0 where it is none."""
        return (self._frames.variable(frame, "self") or 0) if "self" in frame.code.names[:1] else 0

    def _has(self, owner: int, address: int) -> bool:
        """Whether an attribute of the object is the lock, or a method of it."""
        values = (value for _, value in self._objects.attributes(owner, self._objects.type_of(owner)))
        return any(address in (value, self._places.locks.bound_to(value)) for value in values)
