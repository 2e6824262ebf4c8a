"""Memory grew at once: something huge was made, and is kept."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from watchdog.diagnosis import holdings
from watchdog.diagnosis.rules.memory_leak import steady_growth
from watchdog.diagnosis.view import View
from watchdog.model.finding import Finding
from watchdog.text.units import format_size

PREVENT = (
    "Work on large things piece by piece (iterate, stream, write to a file), and let go of the result when it was "
    "sent; after a peak only a restart gives the memory back."
)
LEAST = 96 << 20  # bytes of one step


def rule(view: View) -> Iterator[Finding]:
    yield from _seen(view)
    huge = holdings.huge(view)
    if huge is None or steady_growth(view.evidence.memory) is not None or _rises(view):
        return
    yield Finding(
        cause="memory-step",
        certainty="likely",
        summary=f"{format_size(huge.size)} of {format_size(view.rss)} are kept by {huge.words}",
        culprit=huge.culprit,
        evidence=("tasks.json#holdings",),
        prevent=PREVENT,
    )


def _rises(view: View) -> bool:
    """What still grows is a leak, or may turn out as one."""
    points = view.evidence.memory
    return points[-1].rss - points[0].rss > max(4 << 20, points[0].rss // 50)


def _seen(view: View) -> Iterator[Finding]:
    points = view.evidence.memory
    steps = [(later.rss - earlier.rss, later.at) for earlier, later in itertools.pairwise(points)]
    size, at = max(steps, default=(0, 0.0))
    if size < LEAST or points[-1].rss < points[0].rss + 0.8 * size:
        return
    if view.grown is not None and view.grown < 0.8 * size:
        return  # another process came
    frame, _ = max(
        (thread.dominant_frame for thread in view.python_threads), key=lambda one: one[1], default=(None, 0.0)
    )
    yield Finding(
        cause="memory-step",
        certainty="likely",
        summary=f"memory grew by {format_size(size)} at once, {at:.0f} s after the first look, and stayed",
        culprit=view.culprit(frame),
        evidence=("memory.json",),
        prevent=PREVENT,
    )
