"""What a suspended coroutine waits for: its await chain, outermost first, down to the future at its end."""

from __future__ import annotations

from watchdog.cpython.frames import Frames, LiveFrame
from watchdog.cpython.offsets import WRAPPED
from watchdog.model.records import record
from watchdog.system.process.memory import Unmapped

GENERATORS = frozenset({"coroutine", "generator", "async_generator"})
_WRAPPERS = frozenset(
    {"coroutine_wrapper", "async_generator_asend", "async_generator_athrow", "anext_awaitable", "_asyncio.FutureIter"}
)
_LONGEST = 200
_YIELD_FROM = 72  # 3.10's instruction


@record(frozen=True)
class Chain:
    """`end` is the object that the last frame waits for, 0 if it has none or runs at this moment."""

    frames: tuple[LiveFrame, ...] = ()
    end: int = 0
    running: bool = False  # the last frame is executed by a thread right now
    begun: bool = True


class Coroutines:
    """Follows await chains."""

    def __init__(self, frames: Frames) -> None:
        self.frames, self.objects, self.offsets = frames, frames.objects, frames.offsets

    def chain(self, coroutine: int) -> Chain:
        """The chain that begins with this coroutine; empty if it has ended, or cannot be read as a coroutine."""
        found: list[LiveFrame] = []
        seen: set[int] = set()
        address = coroutine
        not_started, _suspended, _waiting, executing = self.offsets.states
        while len(found) < _LONGEST and address not in seen:
            seen.add(address)
            kind = self.objects.kind(address)
            try:
                if kind in _WRAPPERS:
                    address = self.objects.word(address + WRAPPED)
                    continue
                if kind not in GENERATORS:
                    break
                frame, state = self.frames.generator_state(address)
                if frame is None or state > executing:
                    return Chain(tuple(found), 0)
                found.append(frame)
                if state == executing:
                    return Chain(tuple(found), 0, running=True)
                if state == not_started:
                    return Chain(tuple(found), 0, begun=len(found) > 1)
                if not self._delegates(frame, state):
                    return Chain(tuple(found), 0)
                stack = self.frames.stack(frame)
            except Unmapped:
                return Chain(tuple(found), 0)
            if not stack:
                return Chain(tuple(found), 0)
            address = stack[-1]
        return Chain(tuple(found), address)

    def _delegates(self, frame: LiveFrame, state: int) -> bool:
        """Whether it is suspended in `await` or `yield from`, rather than in a plain `yield`."""
        _not_started, suspended, waiting, _executing = self.offsets.states
        memory = self.objects.memory
        if suspended != waiting:
            return state == waiting
        if self.offsets.version == "3.10":
            return memory.read(frame.code.start + frame.offset + 2, 1)[0] == _YIELD_FROM
        # What follows is the RESUME instruction, whose argument says what it resumes from.
        return memory.read(frame.code.start + frame.offset + 2, 2)[1] & 3 >= 2
