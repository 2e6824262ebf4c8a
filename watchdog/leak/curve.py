"""What kind of growth a series of measurements shows, and when it reaches a limit. Pure arithmetic.

A leak keeps its pace (linear) or gains (quadratic). What grows once (initial cost, step) or gives back what it took
(falls, as memory does under pressure) is none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from watchdog.model.records import record
from watchdog.text.units import format_duration, format_size

Kind = Literal["unknown", "flat", "initial", "linear", "quadratic", "step", "falls"]
WORDS: dict[str, str] = {
    "unknown": "too few measurements to tell",
    "flat": "flat: no growth",
    "initial": "initial cost: it grew at first and has stopped",
    "linear": "linear: it grows steadily, as a leak does",
    "quadratic": "quadratic: it grows ever faster",
    "step": "a step: it grew at once and stayed",
    "falls": "it falls again under pressure: no leak",
}
FEWEST = 6  # measurements
_LEAST = 4 << 20  # bytes: less comes and goes in every server
_LEAST_PART = 0.02  # of the level
_GIVEN_BACK = 0.3  # of the growth: so much less than the peak is a fall
_ONE_STEP = 0.6  # of the growth, in a single interval
_STOPPED = 0.2  # of the mean pace, in the last third
_GAINS = 1.8  # times the pace of the first third, in the last one


@record(frozen=True)
class Curve:
    """The kind of a series. `rate` is the pace at its end in units a second; `gain` how much that rises each second."""

    kind: Kind
    first: float
    last: float
    seconds: float
    rate: float = 0.0
    gain: float = 0.0

    @property
    def grown(self) -> float:
        return self.last - self.first

    @property
    def leaks(self) -> bool:
        return self.kind in ("linear", "quadratic")

    @property
    def words(self) -> str:
        """One line for a person, of a series in bytes."""
        pace = f", {format_size(self.rate)} a second" if self.leaks else ""
        return f"{WORDS[self.kind]} ({format_size(self.first)} to {format_size(self.last)} in " + (
            f"{format_duration(self.seconds)}{pace})"
        )

    def time_to(self, limit: float) -> float | None:
        """Seconds from the last measurement until the limit is reached, if it goes on so; None if it never is."""
        left = limit - self.last
        if not self.leaks or self.rate <= 0:
            return None
        if left <= 0:
            return 0.0
        if self.gain <= 0:
            return left / self.rate
        return (math.sqrt(self.rate**2 + 2 * self.gain * left) - self.rate) / self.gain


def classify(series: Sequence[tuple[float, float]], least: float = _LEAST) -> Curve:
    """The kind of growth of (seconds, value) pairs in the order of time; growth below `least` counts as none."""
    if len(series) < 2:
        value = series[0][1] if series else 0.0
        return Curve("unknown", value, value, 0.0)
    times = [at - series[0][0] for at, _ in series]
    values = [value for _, value in series]
    first, last, span = values[0], values[-1], times[-1]
    if len(series) < FEWEST or span <= 0:
        return Curve("unknown", first, last, span)
    noise = max(least, _LEAST_PART * first)
    peak = max(values)
    if peak - first >= noise and peak - last >= _GIVEN_BACK * (peak - first) and peak - last >= noise:
        return Curve("falls", first, last, span)
    grown = last - first
    if grown < noise:
        return Curve("flat", first, last, span)
    if _is_step(values, grown):
        return Curve("step", first, last, span)
    early, late = _pace(times, values, 0), _pace(times, values, 2)
    mean = grown / span
    if late < _STOPPED * mean:
        return Curve("initial", first, last, span)
    if early >= 0 and late > _GAINS * max(early, 0.1 * mean):
        gain = (late - early) / (span * 2 / 3)
        return Curve("quadratic", first, last, span, rate=late + gain * span / 6, gain=gain)
    return Curve("linear", first, last, span, rate=_slope(times, values))


def _is_step(values: Sequence[float], grown: float) -> bool:
    """One interval brought most of the growth, and what came before and after it is small beside it."""
    steps = [later - earlier for earlier, later in pairwise(values)]
    largest = max(steps)
    # A single jump at the end may be the first of many: it must have stayed for a while.
    stayed = steps.index(largest) < len(steps) - max(1, len(steps) // 6)
    return largest >= _ONE_STEP * grown and stayed


def _pace(times: Sequence[float], values: Sequence[float], third: int) -> float:
    """Units a second in the first (0), middle (1) or last (2) third of the measurements."""
    size = max(3, math.ceil(len(times) / 3))
    start = min(third * len(times) // 3, len(times) - size)
    return _slope(times[start : start + size], values[start : start + size])


def _slope(times: Sequence[float], values: Sequence[float]) -> float:
    """Of the line with the least squares."""
    middle, height = sum(times) / len(times), sum(values) / len(values)
    spread = sum((at - middle) ** 2 for at in times)
    if not spread:
        return 0.0
    return sum((at - middle) * (value - height) for at, value in zip(times, values, strict=True)) / spread
