"""Stops many processes before they are killed, and sees to it that none stays stopped if we die in between.

A process that forks faster than it can be looked up is caught by stopping all of its family first. If we were killed
right then, the server would neither run nor be gone. So a guard process holds a copy of each pidfd before the stop is
sent: when our end of the pipe closes without a word, it kills what was stopped.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess

from watchdog.system import holds, signals
from watchdog.system.child import interpreter
from watchdog.system.holds import Hold
from watchdog.system.linux.freeze_guard import ARMED, DONE, TAKE
from watchdog.system.signals import Sent


class Freezer:
    """The guard process, started early so that it is there when it is needed."""

    POSSIBLE = True

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._guard: subprocess.Popen[bytes] | None = subprocess.Popen(
                    interpreter.command("watchdog.system.linux.freeze_guard:main", "wd-freeze-guard"),
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
                self._armed = self._line.recv(1) == ARMED
        return self._armed

    def stop(self, held: Hold) -> Sent | None:
        """SIGSTOP for one process, after the guard has it; None where the guard cannot take it."""
        if not self._armed or held.grip is None:
            return None
        try:
            socket.send_fds(self._line, [TAKE], [held.grip])
        except OSError:
            return None
        return holds.send(held, signals.STOP)

    def close(self, *, done: bool = True) -> None:
        """Send the guard home: what was stopped has been killed. Not `done`: it ends what is still stopped.

        A second call does nothing.
        """
        if done:
            with contextlib.suppress(OSError):
                self._line.sendall(DONE)
        self._line.close()
        guard, self._guard = self._guard, None
        if guard is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                guard.wait(1.0)
            if guard.returncode is None:
                signals.end_child(guard)
