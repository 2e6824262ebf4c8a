"""How long a step may still take."""

from __future__ import annotations

from watchdog.steps.spec import Context
from watchdog.system import clock


def time_left(context: Context, limit: float) -> float:
    """Seconds that a step may still take: its own limit, or what the block's timeout leaves of it."""
    if context.deadline is None:
        return limit
    return max(0.01, min(limit, context.deadline - clock.monotonic()))
