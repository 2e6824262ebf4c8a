"""Curves for a report: a handful of numbers as the path of a small SVG, and in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from watchdog.report.page import Curve
from watchdog.text.language import translated
from watchdog.text.units import format_duration, format_size

WIDTH, HEIGHT = 600.0, 120.0
_POINTS = 300  # more are not seen at this width


def curve(
    title: str, points: Sequence[tuple[float, float]], shown: Callable[[float], str], whole: float = 0.0
) -> Curve | None:
    """(seconds, value) in the order of time; None for fewer than two. `whole` is a value that always fits in."""
    if len(points) < 2:
        return None
    points = _thinned(points)
    first, last = points[0][0], points[-1][0]
    values = [value for _, value in points]
    low, high = min(values), max(values)
    # A flat line stays flat: without a floor to the range the noise of a page or two would look like a leak.
    span = max(high - low, abs(high) * 0.05, whole, 1e-9)
    bottom = 0.0 if whole else max(0.0, (low + high) / 2 - span / 2) if low >= 0 else low
    dots = [
        (
            (at - first) / max(last - first, 1e-9) * WIDTH,
            HEIGHT - (value - bottom) / span * HEIGHT,
        )
        for at, value in points
    ]
    path = "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in dots)
    took = format_duration(last - first)
    text = translated(
        "{first} at first, {last} at last (least {least}, most {most}), over {took}",
        first=shown(values[0]), last=shown(values[-1]), least=shown(low), most=shown(high), took=took,
    )  # fmt: skip
    return Curve(title, path, shown(bottom + span), shown(bottom), took, text)


def bytes_shown(value: float) -> str:
    return format_size(value)


def percent_shown(value: float) -> str:
    return f"{value:.0f}%"


def count_shown(value: float) -> str:
    return f"{value:.0f}"


def seconds_shown(value: float) -> str:
    return format_duration(value)


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Of a long series the highest point of each piece: a peak must not vanish."""
    if len(points) <= _POINTS:
        return points
    edges = [round(index * len(points) / _POINTS) for index in range(_POINTS + 1)]
    pieces = [points[begin:end] for begin, end in pairwise(edges)]
    return [points[0], *(max(piece, key=lambda point: point[1]) for piece in pieces[1:-1]), points[-1]]
