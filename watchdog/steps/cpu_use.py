"""How much of a CPU processes use between two moments of a command, in percent of one CPU.

Between them a command waits for an answer anyway. It waits longer only where the clock of CPU time needs that to tell.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from watchdog.model.process import Process, Tree
from watchdog.system import clock
from watchdog.system.process import processes


class CpuUse:
    """Of the processes of some trees, from now on."""

    def __init__(self, trees: Iterable[Tree]) -> None:
        self._processes = [member.process for tree in trees for member in tree.members]
        self._used = _seconds(self._processes)
        self._since = clock.monotonic()

    def percent(self) -> dict[int, float]:
        """By pid; without those that have ended meanwhile, and those of which the system does not tell."""
        time.sleep(max(0.0, processes.SHORTEST_CPU_USE - (clock.monotonic() - self._since)))
        now, seconds = _seconds(self._processes), clock.monotonic() - self._since
        return {
            one.pid: 100 * max(0.0, now[one.pid] - self._used[one.pid]) / seconds
            for one in self._processes
            if one.pid in now and one.pid in self._used and processes.is_alive(one.identity)
        }


def _seconds(wanted: Iterable[Process]) -> dict[int, float]:
    told = {one.pid: processes.cpu_seconds(one.pid) for one in wanted}
    return {pid: seconds for pid, seconds in told.items() if seconds is not None}
