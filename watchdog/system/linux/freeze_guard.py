"""The guard of `freeze.py`: a process that ends what was stopped when wd dies between the stop and the kill.

A kill waits for it, and goes on beside it, so until wd is gone it imports only what is built into the interpreter: the
modules `socket` and `signal` alone take as long to import as the interpreter takes to start.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import os
import select
import time

ARMED, TAKE, DONE = b"a", b"+", b"."
_MANY = 256  # descriptors that the guard holds before it lets go of those of ended processes
_PATIENCE = 15.0  # seconds after which the guard ends what is still stopped, whatever became of wd


def _still_needed(held: list[int]) -> list[int]:
    watcher = select.poll()
    for descriptor in held:
        watcher.register(descriptor, select.POLLIN)
    over = {descriptor for descriptor, _ in watcher.poll(0)}
    for descriptor in over:
        os.close(descriptor)
    return [descriptor for descriptor in held if descriptor not in over]


def main() -> None:
    """Standard input is the line to wd."""
    line = _socket.socket(fileno=os.dup(0))
    for number in (_signal.SIGHUP, _signal.SIGINT, _signal.SIGTERM):
        _signal.signal(number, _signal.SIG_IGN)
    held: list[int] = []
    try:
        if _hold(line, held):
            return
    except OSError:
        pass
    from watchdog.system import signals  # here: before, it would only take time from a kill that is under way

    for descriptor in held:
        signals.kill_grip(descriptor)


def _hold(line: _socket.socket, held: list[int]) -> bool:
    """Take descriptors until wd says that it is done (True), or is gone, or hangs, or is itself stopped (False)."""
    line.sendall(ARMED)
    end: float | None = None
    while True:
        watcher = select.poll()
        watcher.register(line, select.POLLIN)
        if not watcher.poll(None if end is None else max(0.0, end - time.monotonic()) * 1000):
            return False  # the server must not stay stopped with it
        words, parcels, _, _ = line.recvmsg(64, _socket.CMSG_LEN(64 * 4))
        for _, _, content in parcels:
            held.extend(memoryview(content).cast("i"))
        if len(held) > _MANY:
            held[:] = _still_needed(held)
        if end is None and held:
            end = time.monotonic() + _PATIENCE
        if DONE in words:
            return True
        if not words:
            return False
