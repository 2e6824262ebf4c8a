"""Notices when wd itself did not run: stopped, suspended with the machine, starved; and when somebody set the clock.

What was asked across such a gap says nothing about the server, so its answer is thrown away.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from watchdog.system import clock

BEAT = 0.25  # seconds
GAP = 1.0  # seconds without a beat that count as "did not run"
EDGE = 0.1  # seconds of a gap that may touch a question without harm
STEP = 2.0  # seconds by which the wall's clock must move against the monotonic one to count as set


class Heartbeat:
    """Beats in its own thread; everybody may ask it."""

    def __init__(
        self, clock_was_set: Callable[[float], None] = lambda seconds: None, beat: Callable[[], None] = lambda: None
    ) -> None:
        self._clock_was_set, self._beat = clock_was_set, beat
        self._last = time.monotonic()
        self._gaps: deque[tuple[float, float]] = deque(maxlen=100)
        self._stop = threading.Event()

    def start(self) -> None:
        self._last = time.monotonic()
        threading.Thread(target=self._run, daemon=True, name="wd-heartbeat").start()

    def stop(self) -> None:
        self._stop.set()

    def away(self, begun: float, ended: float) -> float:
        """Seconds for which we did not run between two moments of the monotonic clock; 0 if we did all the time."""
        lost = sum(max(0.0, min(ended, end) - max(begun, start)) for start, end in tuple(self._gaps))
        late = ended - max(begun, self._last)  # a gap that ends just now is not noted yet
        lost = max(lost, late if ended - self._last > GAP else 0.0)
        return lost if lost > EDGE else 0.0

    @property
    def gaps(self) -> int:
        return len(self._gaps)

    def _run(self) -> None:
        slept, drift = clock.suspended(), time.time() - time.monotonic()
        while not self._stop.wait(BEAT):
            now, before = time.monotonic(), self._last
            now_slept = clock.suspended()
            if now - before > GAP or now_slept - slept > GAP:
                self._gaps.append((before, now))
            self._last = now
            moved = (time.time() - now) - drift - (now_slept - slept)
            if abs(moved) > STEP:
                self._clock_was_set(moved)
            slept, drift = now_slept, time.time() - now
            self._beat()
