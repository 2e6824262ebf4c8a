"""How much of the time a service answered, and how long it held between two restarts. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from watchdog.model.probing import Sample
from watchdog.model.records import record

DAY = 86400.0
WINDOWS = (("day", DAY), ("week", 7 * DAY), ("month", 30 * DAY))


@record(frozen=True)
class Availability:
    """Of one window of time. `percent` is None where nothing was asked in it."""

    window: str
    seconds: float  # how long the window is
    percent: float | None
    down: float  # seconds
    restarts: int
    asked: float  # seconds of the window of which something is known
    held: float | None  # mean seconds from one restart to the next within the window; None for fewer than two

    def meets(self, target: float) -> bool | None:
        return None if self.percent is None else self.percent >= target

    def record(self) -> dict[str, object]:
        return {
            "window": self.window,
            "availability": round(self.percent, 4) if self.percent is not None else None,
            "down_seconds": round(self.down, 1),
            "known_seconds": round(self.asked, 1),
            "restarts": self.restarts,
            "held_seconds": round(self.held, 1) if self.held is not None else None,
        }


def availability(
    window: str,
    seconds: float,
    now: float,
    samples: Iterable[Sample],
    every: float,
    outages: Iterable[tuple[float, float]],
    restarts: Sequence[float],
) -> Availability:
    """From the answers of one probe that comes each `every` seconds, and the outages (begin, end) of incidents.

    An answer stands for its interval; what falls into an incident's outage is counted there alone, since the loop does
    not ask while it works on a server. Answers that say nothing about the server count for neither side.
    """
    begin = now - seconds
    gaps = joined((max(begin, start), min(now, end)) for start, end in outages if end > begin)
    starts = [start for start, _ in gaps]
    down = sum(end - start for start, end in gaps)
    up = 0.0
    for sample in samples:
        if sample.at < begin or sample.verdict == "unknown":
            continue
        before = bisect_right(starts, sample.at)
        if before and sample.at <= gaps[before - 1][1]:
            continue
        if sample.verdict == "failed":
            down += sample.count * every
        else:
            up += sample.count * every
    moments = sorted(when for when in restarts if when >= begin)
    held = (moments[-1] - moments[0]) / (len(moments) - 1) if len(moments) > 1 else None
    known = up + down
    return Availability(window, seconds, 100.0 * up / known if known else None, down, len(moments), known, held)


def joined(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Overlapping spans as one, in order."""
    found: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found
