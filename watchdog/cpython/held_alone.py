"""Whether a suspended task or a thread waits for something that nobody else has, so that nobody can ever give it.

An event, a queue or a future is set by whoever has it. Its count of references tells how many places have it. If each
of them is a variable of the waiting calls themselves, or an attribute of an object that only these calls have, nobody
else does. A count that does not come out exactly says nothing: the target runs on, and not every place can be seen.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from watchdog.cpython.callstacks import LiveThread
from watchdog.cpython.coroutines import Chain
from watchdog.cpython.frames import Frames, LiveFrame
from watchdog.cpython.holdings import is_library
from watchdog.system.process.memory import Unmapped

_GIVEN_BY_OTHERS = frozenset({
    "asyncio.locks.Event", "asyncio.queues.Queue", "asyncio.queues.LifoQueue", "asyncio.queues.PriorityQueue",
    "trio.Event", "trio._sync.Event", "threading.Event", "queue.Queue", "queue.LifoQueue", "queue.PriorityQueue",
    "concurrent.futures._base.Future",
})  # fmt: skip
_FUTURES = frozenset({"_asyncio.Future", "asyncio.futures.Future"})
_BY_THE_WAIT = 2  # references to an awaited future: of the task, and of what the coroutine iterates over
# Versions whose calls keep each reference that they show; later ones also borrow some.
_COUNTED = ("3.10", "3.11", "3.12", "3.13")


def is_held_alone(frames: Frames, chain: Chain, waiter: int) -> bool:
    """Whether only the task itself has what it waits for."""
    return not chain.running and _is_alone(frames, chain.frames, waiter or chain.end)


def thread_holds_alone(frames: Frames, thread: LiveThread) -> bool:
    """Whether only the thread itself has what it waits for."""
    return _is_alone(frames, thread.frames[::-1], 0)


def _is_alone(frames: Frames, calls: Sequence[LiveFrame], future: int) -> bool:
    own = [place for place, one in enumerate(calls) if not is_library(one.code.file)]
    if frames.offsets.version not in _COUNTED or not own:
        return False
    try:
        return _Counting(frames, calls).is_alone(calls[own[-1] + 1 :], future)
    except (Unmapped, struct.error):
        return False


class _Counting:
    def __init__(self, frames: Frames, calls: Sequence[LiveFrame]) -> None:
        self.frames, self.objects, self.calls = frames, frames.objects, calls

    def is_alone(self, inside: Sequence[LiveFrame], future: int) -> bool:
        """`inside` are the library's calls within the last one of the application."""
        target = self.frames.variable(inside[0], "self") or 0 if inside else future
        kinds, more = (_GIVEN_BY_OTHERS, 0) if inside else (_FUTURES, _BY_THE_WAIT)
        return bool(target) and self.objects.full_kind(target) in kinds and self.counts(target, more)

    def counts(self, target: int, more: int) -> bool:
        """Whether all references to the target are accounted for."""
        here = list(self.places())
        owners = {one for one in here if one != target and self.has(one, target)}
        if any(self.count(one) != here.count(one) for one in owners):
            return False
        return self.count(target) == here.count(target) + len(owners) + more

    def places(self) -> Iterator[int]:
        """What the variables and the value stacks of the calls refer to. A variable that inner functions share counts
        only where none of these is left; those of a library always count."""
        for call in self.calls:
            for name in call.code.names:
                direct = self.direct(call, name)
                if direct and self.objects.kind(direct) == "cell":
                    if self.count(direct) == 1 or is_library(call.code.file):
                        yield self.frames.variable(call, name) or 0
                elif direct:
                    yield direct
            # A call of a thread keeps the height of its stack to itself: then the count does not come out.
            yield from self.frames.stack(call) if call.generator else ()

    def direct(self, call: LiveFrame, name: str) -> int:
        """What stands in the variable's own place: a cell, where inner functions share the variable."""
        place = call.code.names.index(name)
        return self.objects.word(call.address + self.frames.offsets.frame_locals + 8 * place)

    def has(self, owner: int, target: int) -> bool:
        if not owner:
            return False
        try:
            found = [value for _, value in self.objects.attributes(owner, self.objects.type_of(owner))]
        except Unmapped:
            return False
        return found.count(target) == 1

    def count(self, address: int) -> int:
        if self.frames.offsets.version in ("3.12", "3.13"):
            return int(struct.unpack("<I", self.objects.memory.read(address, 4))[0])
        return self.objects.word(address)
