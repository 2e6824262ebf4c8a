"""A program of ours that runs beside this process and ends with it, also when it is killed.

The companion reads its standard input, and leaves when that ends: the pipe closes with us, on every system.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

from watchdog.system import signals
from watchdog.system.child.commands import our_environment

if sys.platform == "win32":
    from watchdog.system.windows import children
else:
    from watchdog.system.posix import children

_MARK = "WD_COMPANION"  # in the companion's environment
_LEAVES_WITHIN = 8.0  # seconds


class Companion:
    """Started again by whoever looks after it; what it says goes where our own errors go."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = list(argv)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def code(self) -> int | None:
        """How it ended; None if it runs, or never did."""
        return self._child.poll() if self._child else None

    def start(self) -> None:
        """OSError if the system refuses."""
        self._let_go()
        env = {**children.NEEDED, **our_environment(), _MARK: "1"}
        self._child = subprocess.Popen(self._argv, stdin=subprocess.PIPE, cwd="/", env=env, **children.ALONE)

    def end(self) -> None:
        """Ask it to leave, and end it if it does not."""
        self._let_go()
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(_LEAVES_WITHIN)
            if self._child.poll() is None:
                signals.to_child(self._child.pid, signals.ENDING[0])

    def _let_go(self) -> None:
        if self._child is not None and self._child.stdin is not None:
            with contextlib.suppress(OSError):
                self._child.stdin.close()


def leave_with_parent(leave: Callable[[], None]) -> None:
    """In a companion: call `leave` when the process that started it is gone. Elsewhere nothing happens."""
    if os.environ.get(_MARK) is None:
        return

    def wait() -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stdin.buffer.read()
        leave()

    threading.Thread(target=wait, daemon=True, name="wd-parent").start()
