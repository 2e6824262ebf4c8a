"""Tells that a process ended, where nobody but a look finds out: each is asked twice a second."""

from __future__ import annotations

import threading
from collections.abc import Callable

from watchdog.model.process import Identity
from watchdog.system.process import processes

_PAUSE = 0.5  # seconds between two looks


class Deaths:
    """Watches processes until they end. `told` is called in the watching thread and must not take long."""

    def __init__(self, told: Callable[[Identity], None]) -> None:
        self._told = told
        self._lock = threading.Lock()
        self._watched: set[Identity] = set()
        self._stopped = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="wd-deaths").start()

    def stop(self) -> None:
        self._stopped.set()

    def watch(self, identity: Identity) -> bool:
        """Begin to watch a process; False if it has ended already."""
        if not processes.is_alive(identity):
            return False
        with self._lock:
            self._watched.add(identity)
        return True

    def forget(self, identity: Identity) -> None:
        """Watch it no longer; its end is not told."""
        with self._lock:
            self._watched.discard(identity)

    def __len__(self) -> int:
        return len(self._watched)

    def _run(self) -> None:
        while not self._stopped.wait(_PAUSE):
            with self._lock:
                watched = tuple(self._watched)
            for identity in watched:
                if not processes.is_alive(identity) and identity in self._watched:  # not forgotten meanwhile
                    self.forget(identity)
                    self._told(identity)
