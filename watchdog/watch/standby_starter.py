"""Puts the process that will start a dead server to its post while the decision is still being made.

A new interpreter takes most of a tenth of a second to come up: that is time in which nobody is served.
"""

from __future__ import annotations

import threading
from pathlib import Path

from watchdog.model.errors import WdError
from watchdog.model.playbook import Playbook
from watchdog.starting import launch
from watchdog.starting.launch import Shim

_PATIENCE = 5.0  # seconds


class StandbyStarter:
    """One such process on its way. The taker must start or cancel it; `leave` cancels it if nobody took it."""

    def __init__(self, playbook: Playbook, state: Path) -> None:
        self._shim: Shim | None = None
        self._lock, self._unwanted = threading.Lock(), False

        def arm() -> None:
            try:
                shim = launch.arm(
                    playbook.start, playbook.service, state, port=playbook.find.port, policy=playbook.policy
                )
            except (WdError, OSError, ValueError, LookupError):
                return  # the step that starts the server will find the same, and say so
            with self._lock:
                self._shim = shim
                if self._unwanted:
                    self._cancel()

        self._thread = threading.Thread(target=arm, daemon=True, name="wd-arm")
        self._thread.start()

    def take(self) -> Shim | None:
        """None if it did not come up."""
        self._thread.join(_PATIENCE)
        with self._lock:
            shim, self._shim, self._unwanted = self._shim, None, True
        return shim

    def leave(self) -> None:
        """Nobody needs it."""
        with self._lock:
            self._unwanted = True
            self._cancel()

    def _cancel(self) -> None:
        shim, self._shim = self._shim, None
        if shim is not None:
            shim.cancel()
