"""How often a shim may start its service again by itself, and after what pause."""

from __future__ import annotations

import time

_SHORT = 1.0  # seconds: after a shorter life the next start waits, so that a failing import does not take a whole core


class Restarts:
    """What the policy allows, and what was used of it."""

    def __init__(self, most: int, within: float, first: float, longest: float) -> None:
        self._most, self._within = most, within
        self._first, self._longest = first, longest
        self._starts: list[float] = []
        self._short_lives = 0
        self._counts = True  # whether the planned start uses up what is allowed
        self.due_at: float | None = None  # on the monotonic clock

    def plan(self, now: float, lived: float, announced: bool = False) -> bool:
        """After an end at `now` (seconds since the epoch): whether another start is allowed; it is planned then.

        An end that the server had announced is not a failure, and uses nothing up.
        """
        self._starts = [one for one in self._starts if now - one < self._within]
        if not self._most or (not announced and len(self._starts) >= self._most):
            return False
        self._counts = not announced
        self._short_lives = self._short_lives + 1 if lived < _SHORT else 0
        pause = min(self._first * 2 ** (self._short_lives - 1), self._longest) if self._short_lives else 0.0
        self.due_at = time.monotonic() + pause
        return True

    def begun(self, now: float) -> None:
        """The planned start is under way."""
        if self._counts:
            self._starts.append(now)
        self.due_at = None

    def is_due(self) -> bool:
        return self.due_at is not None and time.monotonic() >= self.due_at

    def milliseconds_left(self) -> int | None:
        """Until the planned start; None without one."""
        return None if self.due_at is None else max(0, int((self.due_at - time.monotonic()) * 1000) + 1)
