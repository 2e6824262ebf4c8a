"""Which routes a message takes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from watchdog.model.routes import SEVERITIES, Hours, Route, Severity


def chosen(routes: Sequence[Route], severity: Severity, now: datetime) -> tuple[Route, ...]:
    """By severity and by the hour. What needs a person takes every route rather than none."""
    rank = SEVERITIES.index(severity)
    found = tuple(one for one in routes if rank >= SEVERITIES.index(one.severity) and _is_open(one.hours, now))
    return found or (tuple(routes) if severity == "critical" else ())


def _is_open(hours: Sequence[Hours], now: datetime) -> bool:
    return not hours or any(_covers(one, now) for one in hours)


def _covers(hours: Hours, now: datetime) -> bool:
    minute = now.hour * 60 + now.minute
    if hours.begin < hours.end:
        return now.weekday() in hours.days and hours.begin <= minute < hours.end
    begun_today = now.weekday() in hours.days and minute >= hours.begin
    begun_yesterday = (now.weekday() - 1) % 7 in hours.days and minute < hours.end
    return begun_today or begun_yesterday
