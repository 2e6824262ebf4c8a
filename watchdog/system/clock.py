"""Time, in the two kinds that must not be mixed: the wall's for records, the monotonic one for waiting."""

from __future__ import annotations

import time
from collections.abc import Callable


def now() -> float:
    """Seconds since the epoch; may jump when somebody sets the clock."""
    return time.time()


def monotonic() -> float:
    """Seconds that only ever move forward, also over a set clock."""
    return time.monotonic()


class Deadline:
    """A moment after which nothing is waited for any more."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds, never below zero."""
        return max(0.0, self._end - time.monotonic())

    @property
    def over(self) -> bool:
        return time.monotonic() >= self._end


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.02) -> bool:
    """Ask again and again until it holds; False if it did not within the time."""
    deadline = Deadline(seconds)
    while not condition():
        if deadline.over:
            return condition()
        time.sleep(min(pause, deadline.left))
    return True


def sleep(seconds: float) -> None:
    """Let so many seconds pass."""
    time.sleep(seconds)


def suspended() -> float:
    """Seconds that this machine has slept since it began; the monotonic clock does not count them. 0: not told."""
    which = getattr(time, "CLOCK_BOOTTIME", None)
    return float(getattr(time, "clock_gettime")(which)) - time.monotonic() if which is not None else 0.0  # noqa: B009
