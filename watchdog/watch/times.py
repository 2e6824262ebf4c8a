"""When jobs are due: on a clock that nobody can set, and by cron lines as cron means them.

APScheduler works with the wall's time: a clock that is set back one hour stops every check for an hour, one that is set
forward fires all of them at once. So the scheduler gets a time zone whose `now` is counted on the monotonic clock.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, tzinfo

from apscheduler.triggers.base import BaseTrigger
from cronsim import CronSim
from tzlocal import get_localzone

_BEGAN, _BEGAN_AT = datetime.now(UTC).replace(tzinfo=None), time.monotonic()


class Steady(tzinfo):
    """A zone for `datetime.now(zone)`: the wall's time when the program began, and from then on the monotonic clock."""

    def fromutc(self, dt: datetime) -> datetime:
        return (_BEGAN + timedelta(seconds=time.monotonic() - _BEGAN_AT)).replace(tzinfo=self)

    def utcoffset(self, dt: datetime | None) -> timedelta:
        return timedelta(0)

    def dst(self, dt: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, dt: datetime | None) -> str:
        return "steady"


STEADY = Steady()


class Every(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no type hints
    """Each `seconds`, the first time after `first` seconds; without drift, and late runs are not made up for."""

    def __init__(self, seconds: float, first: float = 0.0) -> None:
        self.seconds = seconds
        self._period = timedelta(seconds=seconds)
        self._start = datetime.now(STEADY) + timedelta(seconds=first)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        if previous is None and now <= self._start:
            return self._start
        done = max(now, previous or now) - self._start
        return self._start + (done // self._period + 1) * self._period


class Cron(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no type hints
    """A cron line in the machine's own time zone. Summer time fires it once, and Monday is 1.

    The answer is right until somebody sets the clock: the loop sees that, and asks again.
    """

    def __init__(self, line: str) -> None:
        self._line = line

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        wall = datetime.now().astimezone()
        following = next_cron(self._line, wall)
        return now + (following - wall) if following else None


def next_cron(line: str, after: datetime) -> datetime | None:
    """The next moment of a cron line in the machine's own zone; None if there is none. `after` needs a time zone."""
    try:
        # A zone with its rules, not an offset: cron jumps over the hour that summer time takes, and fires once in the
        # hour that comes twice.
        return next(CronSim(line, after.astimezone(get_localzone())))
    except StopIteration:
        return None


def in_window(line: str, seconds: float, now: datetime) -> bool:
    """Whether a window that begins at the cron line's moments and lasts `seconds` is open."""
    begun = next_cron(line, now - timedelta(seconds=seconds))
    return begun is not None and begun <= now
