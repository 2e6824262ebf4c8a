"""The kernel's lock on an open file: it ends with its holder, `kill -9` included; a file left behind means nothing."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from watchdog.system import clock

_AGAIN = 0.05  # seconds between two attempts


class Busy(Exception):
    """Somebody else holds the lock; never leaves the caller of `held`."""


@contextlib.contextmanager
def held(path: Path, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock on this file (made, 0600) while the body runs. Nobody that is started or forked meanwhile keeps it.

    Busy if another has it still after `wait` seconds; OSError if there can be no lock.
    """
    ours = os.getpid()
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if not clock.wait_until(lambda: _taken(opened), wait, _AGAIN):
            raise Busy(str(path))
        yield
    finally:
        if os.getpid() == ours:  # a fork shares the lock: ours ends for it too, and its end must not end ours
            fcntl.flock(opened, fcntl.LOCK_UN)
        os.close(opened)


def _taken(opened: int) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
