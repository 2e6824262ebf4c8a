"""Memory grows steadily, look after look, and never falls."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from watchdog.diagnosis import holdings, jobs, loading
from watchdog.diagnosis.code import function
from watchdog.diagnosis.spinning import Spin, spins
from watchdog.diagnosis.view import View
from watchdog.model.evidence import MemoryPoint
from watchdog.model.finding import Culprit, Finding
from watchdog.text.units import format_duration, format_size

SHORTEST = 4.0  # seconds of looks
LONG = 4.0  # seconds of rising after which it is more than a guess
LEAST = 4 << 20  # bytes: less comes and goes in every server
_FAR = 3600.0  # seconds to the limit
_NEAR = 60.0  # seconds to the limit: what loads will not be ready before that


def rule(view: View) -> Iterator[Finding]:
    rate = steady_growth(view.evidence.memory)
    if rate is None or is_far_and_untold(view):
        return
    points = view.evidence.memory
    if view.grown is not None and view.grown < 0.5 * (points[-1].rss - points[0].rss):
        return  # processes came
    left = _left(view, rate)
    holding = holdings.growing(view)
    far = left is None or left > _NEAR
    if holding is None and far and holdings.fills_to_a_bound(view):
        return
    collects = _collected_by(view, holding.culprit) if holding and holding.culprit else ()
    if any(jobs.endless(view, spin.thread, spin.frame) in ("certain", "likely") for spin in collects):
        return  # the loop is the cause, and what it collects its sign
    loads = loading.ends(view, holding.culprit) if holding and holding.culprit and far else False
    if loads:
        return
    by = f"; {holding.words}" if holding else "; nothing that was read in its memory shows what grows"
    yield Finding(
        cause="memory-leak",
        certainty="likely" if holding and not collects and loads is False and _lasted(view) >= LONG else "guess",
        summary=f"{_growth(view, rate)}{by}",
        culprit=holding.culprit if holding else None,
        evidence=("memory.json",),
        prevent=_prevent(view),
    )


def _collected_by(view: View, line: Culprit) -> tuple[Spin, ...]:
    """The calls that compute in that very function now: it is not known yet whether they give it back at their end."""
    return tuple(spin for spin in spins(view) if spin.frame.file == line.file and function(spin.frame) == line.function)


def _lasted(view: View) -> float:
    points = view.evidence.memory
    return points[-1].at - points[0].at


def is_far_and_untold(view: View) -> bool:
    """Whether memory rises, nothing shows what grows, everybody is answered and the limit is far: a cache that fills
    looks the same."""
    rate = steady_growth(view.evidence.memory)
    left = _left(view, rate) if rate is not None else None
    return left is not None and left > _FAR and view.answers_well and holdings.growing(view) is None


def rising(view: View) -> tuple[str, ...]:
    """Words for that, beside another finding."""
    rate = steady_growth(view.evidence.memory)
    if rate is None or not is_far_and_untold(view):
        return ()
    return (f"{_growth(view, rate)}: a cache that fills, or a leak; `wd leak watch {_server(view)}` tells which",)


def _growth(view: View, rate: float) -> str:
    points, limit, left = view.evidence.memory, _limit(view), _left(view, rate)
    until = f"; the limit of {format_size(limit)} is reached in {format_duration(left)}" if limit and left else ""
    return (
        f"memory grew by {format_size(points[-1].rss - points[0].rss)} in "
        f"{format_duration(points[-1].at - points[0].at)}, steadily ({format_size(rate)} a second, now "
        f"{format_size(points[-1].rss)}){until}"
    )


def _limit(view: View) -> int | None:
    machine, configured = view.evidence.machine, view.evidence.configured
    return (
        configured.memory_limit
        or (machine.memory_limit if machine else None)
        or (machine.memory_total if machine else None)
    )


def _left(view: View, rate: float) -> float | None:
    """Seconds to the limit."""
    limit = _limit(view)
    return (limit - view.evidence.memory[-1].rss) / rate if limit else None


def _server(view: View) -> str:
    tree = view.evidence.tree
    port = tree.ports[0] if tree and tree.ports else None
    return f"--pid {tree.root.pid}" if tree and port is None else f":{port or 'PORT'}"


def _prevent(view: View) -> str:
    return (
        "Bound what is kept: a cache with a size (`functools.lru_cache(maxsize=…)`), a deque with `maxlen`, and drop "
        f"what belongs to one request when it ends. `wd leak watch {_server(view)}` names the type that grows."
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
