"""Tells within milliseconds that a process ended: its pidfd becomes readable, nobody has to look for it.

Where there are no pidfds the processes are asked twice a second.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable

from watchdog.model.process import Identity
from watchdog.system.process import processes

_SLOW = 0.5  # seconds between two looks without pidfds


class Deaths:
    """Watches processes until they end. `told` is called in the watching thread and must not take long."""

    def __init__(self, told: Callable[[Identity], None]) -> None:
        self._told = told
        self._lock = threading.Lock()
        self._watched: dict[Identity, int] = {}  # its pidfd, or -1
        self._wake_out, self._wake_in = os.pipe()
        os.set_blocking(self._wake_in, False)
        self._stopped = False

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="wd-deaths").start()

    def stop(self) -> None:
        self._stopped = True
        self._wake()

    def watch(self, identity: Identity) -> bool:
        """Begin to watch a process; False if it has ended already."""
        with self._lock:
            if identity in self._watched:
                return True
            descriptor = _open(identity.pid)
            # The pidfd first, the facts second: so it is this process, not one that took over its pid.
            if not processes.is_alive(identity):
                if descriptor >= 0:
                    os.close(descriptor)
                return False
            self._watched[identity] = descriptor
        self._wake()
        return True

    def forget(self, identity: Identity) -> None:
        """Watch it no longer; its end is not told."""
        with self._lock:
            descriptor = self._watched.pop(identity, -1)
            # Closed under the lock: the watching thread polls only what is in the table.
            if descriptor >= 0:
                os.close(descriptor)
        self._wake()

    def __len__(self) -> int:
        return len(self._watched)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it will wake anyway
            os.write(self._wake_in, b"x")

    def _run(self) -> None:
        while not self._stopped:
            with self._lock:
                watched = dict(self._watched)
            by_descriptor = {descriptor: identity for identity, descriptor in watched.items() if descriptor >= 0}
            poll = select.poll()
            poll.register(self._wake_out, select.POLLIN)
            for descriptor in by_descriptor:
                poll.register(descriptor, select.POLLIN)
            blind = [identity for identity, descriptor in watched.items() if descriptor < 0]
            ready = [number for number, _ in poll.poll(_SLOW * 1000 if blind else None)]
            if self._wake_out in ready:
                os.read(self._wake_out, 4096)
            ended = [by_descriptor[number] for number in ready if number in by_descriptor]
            ended += [identity for identity in blind if not processes.is_alive(identity)]
            for identity in ended:
                if identity in self._watched:  # not forgotten meanwhile
                    self.forget(identity)
                    self._told(identity)


def _open(pid: int) -> int:
    """A pidfd; -1 where there is none to be had."""
    opener = getattr(os, "pidfd_open", None)
    if opener is None:
        return -1
    try:
        return int(opener(pid))
    except OSError:
        return -1
