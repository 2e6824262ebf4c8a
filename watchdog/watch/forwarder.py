"""Sends incidents to the shared store while the loop runs. The loop needs no store, and never waits for one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from watchdog.model.errors import WdError
from watchdog.store import address
from watchdog.system import clock
from watchdog.watch.loop_state import LoopState

if TYPE_CHECKING:
    from watchdog.store.store import Store

_RECENT = 7 * 86400.0  # seconds: older ones are sent once, at the first look
_MANY = 500  # incidents


class Forwarder:
    """Called in turns; one look at a time."""

    def __init__(self, state: LoopState) -> None:
        self._state = state
        self._store: Store | None = None
        self._all_sent = False
        self._said = ""
        self._looking = threading.Lock()

    @property
    def is_wanted(self) -> bool:
        try:
            return bool(address.of_home(self._state.home))
        except WdError as error:
            self._say(error)
            return False

    def look(self) -> None:
        """Everything once, then what is recent. A store that is down is said once."""
        if not self._looking.acquire(blocking=False):
            return
        try:
            self._send()
            self._said = ""
        except WdError as error:
            self._say(error)
        finally:
            self._looking.release()

    def _send(self) -> None:
        from watchdog.store import forwarding
        from watchdog.store.store import Store

        self._store = self._store or Store(address.needed(self._state.home))
        since, most = (clock.now() - _RECENT, _MANY) if self._all_sent else (0.0, forwarding.ALL)
        forwarding.forward(self._store, self._state.journal, self._state.folder, since, most)
        self._all_sent = True

    def _say(self, error: WdError) -> None:
        if error.what != self._said:
            self._said = error.what
            self._state.say("", f"incidents are kept here and sent later: {'; '.join(error.lines())}", "WARNING")
