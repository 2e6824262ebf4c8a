"""The lock on an open file: it ends with its holder, however that ends; a file left behind means nothing."""

from __future__ import annotations

import contextlib
import errno
import msvcrt
import os
from collections.abc import Iterator
from pathlib import Path

from watchdog.system import clock

_AGAIN = 0.05  # seconds between two attempts


class Busy(Exception):
    """Somebody else holds the lock; never leaves the caller of `held`."""


@contextlib.contextmanager
def held(path: Path, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock on this file (made if it is missing) while the body runs. No child that is started keeps it.

    Busy if another has it still after `wait` seconds; OSError if there can be no lock.
    """
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_BINARY | os.O_NOINHERIT)
    try:
        if not clock.wait_until(lambda: _taken(opened), wait, _AGAIN):
            raise Busy(str(path))
        try:
            yield
        finally:
            os.lseek(opened, 0, os.SEEK_SET)
            msvcrt.locking(opened, msvcrt.LK_UNLCK, 1)
    finally:
        os.close(opened)


def _taken(opened: int) -> bool:
    try:
        os.lseek(opened, 0, os.SEEK_SET)
        msvcrt.locking(opened, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        if error.errno not in (errno.EACCES, 0):  # 0: Wine gives no reason
            raise
        return False
    return True
