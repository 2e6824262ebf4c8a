"""Is there any use in waiting longer? Escalate on evidence, not on the clock alone.

A process that ignores SIGTERM will never end by it. One that only blocks it may still take it in a thread made for
that. And a server that is known to hang and does not stir at all after the signal has no handler that could run.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence

from watchdog.model.process import Process
from watchdog.system.process import processes, threads

_IGNORED_AFTER, _BLOCKED_AFTER, _STILL_AFTER = 0.2, 1.0, 0.2  # seconds since SIGTERM
_STILL_FOR = 0.1  # seconds in which nothing of it may have moved
_Marks = tuple[tuple[int, str, float, int | None], ...]


class GraceMonitor:
    """Watches those that are to end, from one look to the next."""

    def __init__(self, hung: bool) -> None:
        self._hung = hung
        self._marks: dict[int, tuple[float, _Marks]] = {}

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
        return self._hung and self._is_still(process, elapsed) and elapsed >= _STILL_AFTER

    def _is_still(self, process: Process, elapsed: float) -> bool:
        """Not one thread ran, or is ready to run, since some looks ago."""
        marks = tuple((one.tid, one.state, one.cpu_seconds, one.switches) for one in threads.look(process.pid))
        since, before = self._marks.get(process.pid, (elapsed, ()))
        if marks != before or any(state == "R" for _, state, _, _ in marks):
            self._marks[process.pid] = (elapsed, marks)
            return False
        return elapsed - since >= _STILL_FOR
