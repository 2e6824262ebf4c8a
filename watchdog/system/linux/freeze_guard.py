"""The guard of `freeze.py`: a process that ends what was stopped when wd dies between the stop and the kill.

A kill waits for it, and goes on beside it, so it imports next to nothing until wd is gone.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket

from watchdog.system.clock import Deadline

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
    line = socket.socket(fileno=os.dup(0))
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    held: list[int] = []
    patience: Deadline | None = None
    with contextlib.suppress(OSError):
        line.sendall(ARMED)

        while True:
            watcher = select.poll()
            watcher.register(line, select.POLLIN)
            if not watcher.poll(None if patience is None else patience.left * 1000):
                break  # wd hangs, or is itself stopped: the server must not stay stopped with it
            words, descriptors, _, _ = socket.recv_fds(line, 64, 64)
            held.extend(descriptors)
            if len(held) > _MANY:
                held = _still_needed(held)
            patience = patience or (Deadline(_PATIENCE) if held else None)
            if DONE in words:
                return
            if not words:
                break
    from watchdog.system import signals  # here: before, it would only take time from a kill that is under way

    for descriptor in held:
        signals.kill_grip(descriptor)
