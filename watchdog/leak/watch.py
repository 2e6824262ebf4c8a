"""Follows a live server's memory: what kind of curve it is, when it reaches the limit, and which objects grow.

Everything is read from outside; the server is neither stopped nor changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from watchdog.cpython.object_counts import Counted
from watchdog.diagnosis import holdings
from watchdog.diagnosis.holdings import Holding
from watchdog.diagnosis.view import View
from watchdog.evidence.counts import Growth, growth, read_counts
from watchdog.evidence.sources import Sources
from watchdog.evidence.tasks import read_tasks
from watchdog.leak.curve import Curve, classify
from watchdog.model.evidence import Evidence, Frame, TaskLook
from watchdog.model.process import Identity, Tree
from watchdog.model.records import record
from watchdog.system import clock
from watchdog.system.host import machine
from watchdog.system.process import processes
from watchdog.targets import programs
from watchdog.text.units import format_duration

_INSIDE = 4  # processes of a tree that are looked into
_TOLD = 10  # types that are shown
_COUNT = 5.0  # seconds for one count of all objects
_SAYS = 10.0  # seconds between two lines of progress


@record(frozen=True)
class WatchReport:
    """What was seen of one server."""

    pid: int  # of the root
    series: tuple[tuple[float, float], ...]  # (seconds, bytes of the whole tree)
    curve: Curve
    limit: int  # bytes that it may use at most: of its control group, else of the machine
    inside: int | None  # the process that grew most, whose objects were counted
    types: tuple[Growth, ...] = ()
    holding: Holding | None = None  # the variable of the application that grew
    notes: tuple[str, ...] = ()  # what could not be had

    @property
    def left(self) -> float | None:
        """Seconds until the limit, if it goes on so."""
        return self.curve.time_to(self.limit)

    def record(self) -> dict[str, Any]:
        culprit = self.holding.culprit if self.holding else None
        return {
            "pid": self.pid,
            "curve": self.curve.kind,
            "leaks": self.curve.leaks,
            "words": self.curve.words,
            "first": self.curve.first,
            "last": self.curve.last,
            "rate": round(self.curve.rate, 1),
            "limit": self.limit,
            "time_to_limit": round(self.left, 1) if self.left is not None else None,
            "series": [[round(at, 2), value] for at, value in self.series],
            "inside": self.inside,
            "types": [{"type": one.type, "before": one.before, "after": one.after} for one in self.types],
            "holding": self.holding.words if self.holding else None,
            "culprit": culprit.record() if culprit else None,
            "notes": list(self.notes),
        }


@record(frozen=True)
class _Inside:
    """One process seen from inside, at one moment."""

    rss: int
    counted: Counted
    look: TaskLook


def watch(tree: Tree, seconds: float, every: float, say: Callable[[str], None]) -> WatchReport:
    """Follow it for so many seconds. Ends earlier, with a note, when the server does."""
    members = {member.process.identity: programs.is_python(member.process) for member in tree.members}
    largest = sorted(tree.members, key=lambda member: -member.process.rss)
    inside = [one.process.identity for one in largest if members[one.process.identity]][:_INSIDE]
    say(f"counting the objects of {len(inside)} processes …")
    before = {identity: _look(identity) for identity in inside}
    series, notes = _follow(tree, seconds, every, say)
    after = {identity: _look(identity) for identity in inside if processes.is_alive(identity)}
    limit, _available = machine.memory_room(tree.root.pid)
    grown = max(after, key=lambda one: after[one].rss - before[one].rss, default=None)
    curve = classify(series)
    if grown is None:
        return WatchReport(tree.root.pid, series, curve, limit, None, notes=notes)
    first, last = before[grown], after[grown]
    notes += tuple(f"{one.error} {one.remedy}".strip() for one in (first.counted, last.counted) if one.error)[:1]
    if first.counted.cut or last.counted.cut:
        notes += ("not every object could be counted in time: compare with care",)
    counts = growth(first.counted, last.counted)[:_TOLD] if first.counted.types and last.counted.types else ()
    return WatchReport(
        tree.root.pid, series, curve, limit, grown.pid, counts, _holding(tree, first.look, last.look), notes
    )


def _look(identity: Identity) -> _Inside:
    process = processes.read(identity.pid)
    return _Inside(process.rss if process else 0, read_counts(identity.pid, _COUNT), read_tasks(identity.pid))


def _follow(
    tree: Tree, seconds: float, every: float, say: Callable[[str], None]
) -> tuple[tuple[tuple[float, float], ...], tuple[str, ...]]:
    begun, deadline, told = clock.monotonic(), clock.Deadline(seconds), clock.Deadline(_SAYS)
    found: list[tuple[float, float]] = []
    while True:
        at = clock.monotonic() - begun
        rss = _rss(tree)
        if rss is None:
            return tuple(found), (f"the server ended after {format_duration(at)}",)
        found.append((at, float(rss)))
        if told.over:
            told = clock.Deadline(_SAYS)
            say(f"{format_duration(at)}: {classify(found).words}")
        if deadline.over:
            return tuple(found), ()
        clock.wait_until(lambda: False, min(every, deadline.left))


def _rss(tree: Tree) -> int | None:
    """Bytes of the root and everything below it now; None when the root is gone."""
    table = processes.table()
    root = table.get(tree.root.pid)
    if root is None or root.identity != tree.root.identity or root.ended:
        return None
    pids = {*tree.pids, *processes.descendants(table, root.pid)}
    return sum(table[pid].rss for pid in pids if pid in table)


def _holding(tree: Tree, first: TaskLook, last: TaskLook) -> Holding | None:
    files = sorted({container.file for container in last.containers})
    frames = [(last.pid, Frame("", file, 1)) for file in files]
    read = Sources().read(frames, [member.process for member in tree.members])
    return holdings.growing(View(Evidence(tree, tasks=(first, last), sources=read)))
