"""Threads for work that may hang: as many as there is work at a time, kept for the next, never waited for.

A thread that hangs is simply one that does not come back: the next piece of work gets another one. So this pool has no
upper bound, and it costs a third of a new thread for each piece.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

_IDLE = 30.0  # seconds after which a thread without work ends

Work = Callable[[], None]


class UnboundedThreadPool:
    """Gives each piece of work to its own thread at once."""

    def __init__(self, broke: Callable[[BaseException], None]) -> None:
        self._broke = broke
        self._waiting: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._idle = 0  # threads that wait, less the work that is put for them already
        self._lock = threading.Lock()

    def give(self, work: Work) -> None:
        """RuntimeError if the system has no thread left."""
        with self._lock:
            if self._idle > 0:
                self._idle -= 1
                self._waiting.put(work)
                return
        threading.Thread(target=self._run, args=(work,), daemon=True, name="wd-pool").start()

    def _run(self, work: Work) -> None:
        while True:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - told, and the hand is there for the next
                self._broke(error)
            with self._lock:
                self._idle += 1
            try:
                work = self._waiting.get(timeout=_IDLE)
            except queue.Empty:
                with self._lock:
                    # Work that was put for us in this very moment must not be left lying.
                    if self._idle > 0:
                        self._idle -= 1
                        return
                work = self._waiting.get()
