"""How long a step may still take."""

from __future__ import annotations

from watchdog.steps.spec import Context
from watchdog.system import clock


def time_left(context: Context, limit: float) -> float:
    """Seconds that a step may still take: its own limit, or what the block's timeout leaves of it."""
    if context.deadline is None:
        return limit
    return max(0.01, min(limit, context.deadline - clock.monotonic()))


def evidence_left(context: Context, limit: float) -> float:
    """Seconds that looking may still take: where the loop runs this, a server is down for its users meanwhile."""
    left = time_left(context, limit)
    return left if context.evidence_until is None else max(0.05, min(left, context.evidence_until - clock.monotonic()))
