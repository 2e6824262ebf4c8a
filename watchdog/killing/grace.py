"""Is there any use in waiting longer? Escalate on evidence, not on the clock alone.

A process that ignores SIGTERM will never end by it. One that only blocks it may still take it in a thread made for
that. A server that is known to hang, that does not stir, and whose main thread still stands where it stood before the
signal, has no handler that changes anything: one that drains has gone on to other code. And a main thread that is kept
by a loop that nothing leaves, or by a pattern whose time doubles with each character, in itself or in a thread that has
the interpreter's lock, takes no more turns of its event loop: its handler has run at once, or never will.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence

from watchdog.model.evidence import Frame, ThreadStack
from watchdog.model.finding import Culprit
from watchdog.model.process import Process
from watchdog.system.process import processes, threads

_IGNORED_AFTER, _BLOCKED_AFTER, _STILL_AFTER = 0.2, 1.0, 0.2  # seconds since SIGTERM
_LOOPS_AFTER, _AGAIN = 0.2, 0.1  # seconds since SIGTERM, and between two looks at the calls
_STILL_FOR = 0.1  # seconds in which nothing of it may have moved
_DUMP = 0.5  # seconds for one look at the calls
_FEW = 4  # processes whose calls are looked at before the signal: more would delay it
_Marks = tuple[tuple[int, str, float, int | None], ...]


class GraceMonitor:
    """Watches those that are to end, from before the signal to the last look."""

    def __init__(self, hung: bool, guilty: Culprit | None = None) -> None:
        self._hung, self._guilty = hung, guilty
        self._marks: dict[int, tuple[float, _Marks]] = {}
        self._before: dict[int, tuple[Frame, ...]] = {}  # the calls of the main thread, as SIGTERM found it
        self._looping: float | None = None  # since when the guilty call was seen in every look

    def remember(self, pids: Sequence[int]) -> None:
        """Before SIGTERM: where the main threads of a hung server stand."""
        if self._hung and len(pids) <= _FEW:
            self._before = {pid: _main_calls(pid) for pid in pids}

    def cannot_succeed(self, alive: Sequence[int], elapsed: float) -> bool:
        """Whether nobody of these pids will end by the SIGTERM sent so many seconds ago."""
        known = [one for pid in alive if (one := processes.read(pid)) is not None]
        parents = {one.parent for one in known}
        # A master waits for its workers: what they do decides.
        leaves = [one for one in known if one.pid not in parents]
        hopeless = [self._is_hopeless(one, elapsed) for one in leaves]  # every one of them must be looked at
        return bool(hopeless) and all(hopeless)

    def _is_hopeless(self, process: Process, elapsed: float) -> bool:
        if signal.SIGTERM in process.ignored:
            return elapsed >= _IGNORED_AFTER
        if signal.SIGTERM in process.blocked:
            return elapsed >= _BLOCKED_AFTER
        if self._hung and self._is_still(process, elapsed) and elapsed >= _STILL_AFTER:
            before = self._before.get(process.pid)
            return not before or _main_calls(process.pid) == before
        return self._is_looping(process, elapsed)

    def _is_still(self, process: Process, elapsed: float) -> bool:
        """Not one thread ran, or is ready to run, since some looks ago."""
        marks = tuple((one.tid, one.state, one.cpu_seconds, one.switches) for one in threads.look(process.pid))
        since, before = self._marks.get(process.pid, (elapsed, ()))
        if marks != before or any(state == "R" for _, state, _, _ in marks):
            self._marks[process.pid] = (elapsed, marks)
            return False
        return elapsed - since >= _STILL_FOR

    def _is_looping(self, process: Process, elapsed: float) -> bool:
        """The guilty call without an end is still running, in two looks with a while between them."""
        guilty = self._guilty
        if guilty is None or guilty.pid != process.pid or elapsed < _LOOPS_AFTER:
            return False
        if not _is_in(guilty, process.pid):
            self._looping = None
            return False
        self._looping = elapsed if self._looping is None else self._looping
        return elapsed - self._looping >= _AGAIN


def _is_in(guilty: Culprit, pid: int) -> bool:
    """Whether the guilty thread, by itself the main thread, is in the guilty function."""
    blamed = [one for one in _stacks(pid) if (one.name == guilty.thread if guilty.thread else one.tid == pid)]
    calls = [frame for one in blamed for frame in one.frames]
    return any((one.function, one.file) == (guilty.function, guilty.file) for one in calls)


def _main_calls(pid: int) -> tuple[Frame, ...]:
    """The calls of its main thread, innermost first; empty where they cannot be read."""
    return next((one.frames for one in _stacks(pid) if one.tid == pid), ())


def _stacks(pid: int) -> tuple[ThreadStack, ...]:
    from watchdog.evidence import stacks  # here: most kills read no calls

    return stacks.dump(pid, timeout=_DUMP).threads
