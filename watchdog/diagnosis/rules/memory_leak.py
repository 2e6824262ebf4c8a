"""Memory grows steadily, look after look, and never falls."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from watchdog.diagnosis import holdings, loading
from watchdog.diagnosis.view import View
from watchdog.model.evidence import MemoryPoint
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration, format_size

SHORTEST = 4.0  # seconds of looks
LONG = 4.0  # seconds of rising after which it is more than a guess
LEAST = 4 << 20  # bytes: less comes and goes in every server
_NEAR = 60.0  # seconds to the limit: what loads will not be ready before that


def rule(view: View) -> Iterator[Finding]:
    points = view.evidence.memory
    rate = steady_growth(points)
    if rate is None:
        return
    grown = points[-1].rss - points[0].rss
    machine, configured = view.evidence.machine, view.evidence.configured
    limit = (
        configured.memory_limit
        or (machine.memory_limit if machine else None)
        or (machine.memory_total if machine else None)
    )
    left = (limit - points[-1].rss) / rate if limit else None
    until = f"; the limit of {format_size(limit)} is reached in {format_duration(left)}" if limit and left else ""
    holding = holdings.growing(view)
    far = left is None or left > _NEAR
    loads = loading.ends(view, holding.culprit) if holding and holding.culprit and far else False
    if loads:
        return
    by = f"; {holding.words}" if holding else "; nothing that was read in its memory shows what grows"
    yield Finding(
        cause="memory-leak",
        certainty="likely" if holding and loads is False and points[-1].at - points[0].at >= LONG else "guess",
        summary=f"memory grew by {format_size(grown)} in {format_duration(points[-1].at - points[0].at)}, steadily "
        f"({format_size(rate)} a second, now {format_size(points[-1].rss)}){until}{by}",
        culprit=holding.culprit if holding else None,
        evidence=("memory.json",),
        prevent=_prevent(view),
    )


def _prevent(view: View) -> str:
    tree = view.evidence.tree
    port = tree.ports[0] if tree and tree.ports else None
    server = f"--pid {tree.root.pid}" if tree and port is None else f":{port or 'PORT'}"
    return (
        "Bound what is kept: a cache with a size (`functools.lru_cache(maxsize=…)`), a deque with `maxlen`, and drop "
        f"what belongs to one request when it ends. `wd leak watch {server}` names the type that grows."
    )


def steady_growth(points: Sequence[MemoryPoint]) -> float | None:
    """Bytes a second, where memory rose in nearly every interval and in each third of the time; else None."""
    if len(points) < 6 or points[-1].at - points[0].at < SHORTEST:
        return None
    grown = points[-1].rss - points[0].rss
    if grown < max(LEAST, points[0].rss // 50):
        return None
    steps = [later.rss - earlier.rss for earlier, later in itertools.pairwise(points)]
    if any(step < -grown // 10 for step in steps) or sum(step > 0 for step in steps) < 0.7 * len(steps):
        return None
    if max(steps) > 0.5 * grown:
        return None  # one step, not a slope
    third = max(1, len(points) // 3)
    parts = (points[third].rss - points[0].rss, points[-1].rss - points[-1 - third].rss)
    if min(parts) < 0.15 * grown:
        return None  # it warmed up, or has stopped
    return grown / (points[-1].at - points[0].at)
