"""All objects of an interpreter counted by type. Runs in a separate child (`evidence/counts.py` starts it)."""

from __future__ import annotations

from collections import Counter

from watchdog.cpython.heap import merged, walk
from watchdog.cpython.interpreter import attach
from watchdog.model.records import record
from watchdog.system.clock import Deadline
from watchdog.system.process.memory import Unreadable


@record(frozen=True)
class Counted:
    """One count. With an `error` there are no types."""

    types: tuple[tuple[str, int], ...] = ()  # most first
    cut: bool = False  # the time was over before every object was seen
    broken_lists: int = 0  # lists of which a part was not seen, since the process went on
    error: str = ""
    remedy: str = ""

    @property
    def total(self) -> int:
        return sum(count for _, count in self.types)


def count(pid: int, seconds: float) -> Counted:
    """Objects that the collector tracks, by type, within about so many seconds."""
    with attach(pid) as found:
        if isinstance(found, Unreadable):
            return Counted(error=found.reason, remedy=found.remedy)
        deadline = Deadline(seconds)
        heap = merged([walk(found.objects, one, lambda _type: 0, deadline) for one in found.interpreters])
        names: Counter[str] = Counter()
        for type_, number in heap.counts.items():
            names[found.objects.full_name(type_)] += number
        return Counted(tuple(names.most_common()), heap.cut, heap.broken)
