"""When a measure that grows will reach its limit: a straight line through the last hour of samples. Mostly pure."""

from __future__ import annotations

from collections.abc import Sequence

from watchdog.journal.store import Journal
from watchdog.model.playbook import TriggerSpec
from watchdog.model.probing import Sample
from watchdog.model.records import record
from watchdog.probes import registry
from watchdog.text.units import format_duration
from watchdog.watch.watched import Watched

LOOK = 30.0  # seconds between two looks ahead
_HOUR = 3600.0
_FEWEST = 10  # samples below which a line says nothing
_FIT = 0.7  # part of the movement that the line must explain


@record(frozen=True)
class Line:
    """A straight line through points, and how well it explains them (1: wholly)."""

    slope: float  # per second
    last: float  # its value at the newest point
    fit: float


def line_through(points: Sequence[tuple[float, float]]) -> Line | None:
    """Least squares over (time, value); None for fewer points than tell anything."""
    count = len(points)
    if count < _FEWEST:
        return None
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread_x = sum((x - mean_x) ** 2 for x, _ in points)
    spread_y = sum((y - mean_y) ** 2 for _, y in points)
    if not spread_x or not spread_y:
        return None
    both = sum((x - mean_x) * (y - mean_y) for x, y in points)
    slope = both / spread_x
    return Line(slope, mean_y + slope * (points[-1][0] - mean_x), both * both / (spread_x * spread_y))


def seconds_left(points: Sequence[tuple[float, float]], limit: float) -> float | None:
    """Until the line reaches the limit, from above or from below; None if it does not go there, or is not a line."""
    line = line_through(points)
    if line is None or line.fit < _FIT or not line.slope:
        return None
    left = (limit - line.last) / line.slope
    return left if left > 0 else None


def foreseen(watched: Watched, trigger: TriggerSpec, journal: Journal, now: float) -> str:
    """One sentence if the probe's measure reaches its limit within the trigger's time; else empty."""
    spec = next((one for one in watched.playbook.probes if one.name == trigger.subject), None)
    kind = registry.of(spec.kind) if spec else None
    if spec is None or kind is None or kind.limit is None or watched.tree is None:
        return ""
    limit = kind.limit(spec, watched.tree.root.pid)
    if limit is None:
        return ""
    since = max(now - _HOUR, watched.tree.root.started)
    samples = journal.samples(watched.name, spec.name, since)
    within = dict(trigger.settings).get("within", _HOUR)
    left = seconds_left(points_of(samples), limit)
    if left is None or left > float(within):
        return ""
    return f"{spec.name} reaches its limit in about {format_duration(left)}"


def points_of(samples: Sequence[Sample]) -> list[tuple[float, float]]:
    return [(one.at, one.value) for one in samples if one.value is not None and one.verdict != "unknown"]
