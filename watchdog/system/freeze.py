"""Stops many processes before they are killed, and sees to it that none stays stopped if we die in between.

A process that forks faster than it can be looked up is caught by stopping all of its family first. If we were killed
right then, the server would neither run nor be gone. So a guard process holds a copy of each pidfd before the stop is
sent: when our end of the pipe closes without a word, it kills what was stopped.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess

from watchdog.system import signals
from watchdog.system.child import interpreter
from watchdog.system.clock import Deadline
from watchdog.system.signals import Hold, Sent

_ARMED, _TAKE, _DONE = b"a", b"+", b"."
_MANY = 256  # descriptors that the guard holds before it lets go of those of ended processes
_PATIENCE = 15.0  # seconds after which the guard ends what is still stopped, whatever became of us


class Freezer:
    """The guard process, started early so that it is there when it is needed."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._guard: subprocess.Popen[bytes] | None = subprocess.Popen(
                    interpreter.command("watchdog.system.freeze:main", "wd-freeze-guard"),
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env={},
                    start_new_session=True,  # the Ctrl-C that ends us must not end it
                )
            except OSError:
                self._guard = None
        self._line = ours
        self._armed = False

    def armed(self, seconds: float) -> bool:
        """Wait until the guard is at its post; False if it is not there in time: nothing must be stopped then."""
        if not self._armed and self._guard is not None:
            self._line.settimeout(max(0.001, seconds))
            with contextlib.suppress(OSError):
                self._armed = self._line.recv(1) == _ARMED
        return self._armed

    def stop(self, held: Hold) -> Sent | None:
        """SIGSTOP for one process, after the guard has it; None where the guard cannot take it."""
        if not self._armed or held.descriptor is None:
            return None
        try:
            socket.send_fds(self._line, [_TAKE], [held.descriptor])
        except OSError:
            return None
        return signals.send(held, signal.SIGSTOP)

    def close(self, *, done: bool = True) -> None:
        """Send the guard home: what was stopped has been killed. Not `done`: it ends what is still stopped."""
        if done:
            with contextlib.suppress(OSError):
                self._line.sendall(_DONE)
        self._line.close()
        if self._guard is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._guard.wait(1.0)
            if self._guard.returncode is None:
                signals.end_child(self._guard)


def _still_needed(held: list[int]) -> list[int]:
    watcher = select.poll()
    for descriptor in held:
        watcher.register(descriptor, select.POLLIN)
    over = {descriptor for descriptor, _ in watcher.poll(0)}
    for descriptor in over:
        os.close(descriptor)
    return [descriptor for descriptor in held if descriptor not in over]


def main() -> None:
    """The guard: standard input is the line to wd."""
    line = socket.socket(fileno=os.dup(0))
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    held: list[int] = []
    patience: Deadline | None = None
    with contextlib.suppress(OSError):
        line.sendall(_ARMED)
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
            if _DONE in words:
                return
            if not words:
                break
    for descriptor in held:
        signals.kill_descriptor(descriptor)
