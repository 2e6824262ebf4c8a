"""The child's standard error on its way to the host's: bytes unchanged, the last part kept as evidence.

Nobody must read it, and yet the child must not stand still for that. So a thread writes it, and what waits is bounded:
what is too much is dropped and counted. wd's own lines go the same way.
"""

from __future__ import annotations

import os
import threading
from collections import deque

from watchdog.sidecar.metrics import Metrics
from watchdog.system.child.kept import STDERR

_WAITS = 1 << 20  # bytes for the host, at most
_KEPT = 1 << 16  # bytes of evidence


class ChildErrors:
    """`take` never waits."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._tail = bytearray()
        self._queue: deque[bytes] = deque()
        self._size = 0
        self._ready = threading.Condition()
        self._closed = False
        self._writer = threading.Thread(target=self._write, name="sidecar-stderr", daemon=True)
        self._writer.start()

    def take(self, data: bytes) -> None:
        """Bytes of the child."""
        self._tail += data
        del self._tail[:-_KEPT]
        self.say(data)

    def say(self, data: bytes) -> None:
        with self._ready:
            if self._size + len(data) > _WAITS:
                self._metrics.stderr_dropped += len(data)
                return
            self._queue.append(data)
            self._size += len(data)
            self._ready.notify()

    def tail(self) -> str:
        return self._tail.decode("utf-8", "backslashreplace")

    def forget(self) -> None:
        """A new child has a new tail."""
        self._tail.clear()

    def close(self, within: float) -> None:
        """Give the host so many seconds to read the rest."""
        with self._ready:
            self._closed = True
            self._ready.notify()
        self._writer.join(within)

    def _write(self) -> None:
        while True:
            with self._ready:
                while not self._queue and not self._closed:
                    self._ready.wait()
                if not self._queue:
                    return
                data = self._queue.popleft()
                self._size -= len(data)
            try:
                while data:
                    data = data[os.write(STDERR, data) :]
            except OSError:  # nobody will read it any more
                return
