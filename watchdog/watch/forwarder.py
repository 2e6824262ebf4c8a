"""Sends incidents to the shared store, and asks it whose new alerts are. The loop needs no store, nor waits for one."""

from __future__ import annotations

import platform
import threading
from typing import TYPE_CHECKING

from watchdog.model.errors import WdError
from watchdog.store import address
from watchdog.system import clock
from watchdog.text.redact import redact_data
from watchdog.watch.loop_state import LoopState
from watchdog.watch.service_record import record

if TYPE_CHECKING:
    from watchdog.store.store import Store

_RECENT = 7 * 86400.0  # seconds: older ones are sent once, at the first look
_MANY = 500  # incidents
_BEAT = 30.0  # seconds between two words that this loop is there


class Forwarder:
    """Called in turns; one look at a time."""

    def __init__(self, state: LoopState) -> None:
        self._state = state
        self._store: Store | None = None
        self._all_sent = False
        self._seen = float("-inf")
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
            self._confirm()
            self._send()
            self._said = ""
        except WdError as error:
            self._say(error)
        finally:
            self._looking.release()

    def confirm_alerts(self) -> None:
        """Alerts that wait for the word of the store; without an answer they go on waiting."""
        try:
            self._confirm()
        except WdError as error:
            self._say(error)

    def _confirm(self) -> None:
        waiting = [one for one in self._state.journal.waiting_alerts() if not one.confirmed]
        if not waiting:
            return
        store = self._connected()
        from watchdog.store import confirming

        for one in waiting:
            confirming.confirm(store, self._state.journal, self._state.folder, one)

    def _connected(self) -> Store:
        from watchdog.store.store import Store

        self._store = self._store or Store(address.needed(self._state.home))
        return self._store

    def _send(self) -> None:
        store = self._connected()
        from watchdog.store import forwarding

        since, most = (clock.now() - _RECENT, _MANY) if self._all_sent else (0.0, forwarding.ALL)
        forwarding.forward(store, self._state.journal, self._state.folder, since, most)
        self._all_sent = True
        if clock.monotonic() - self._seen >= _BEAT:
            self._see(store)

    def _see(self, store: Store) -> None:
        """Tell that this loop is there, and how its services are."""
        from watchdog.store import loops
        from watchdog.store.forwarding import storable

        state, kept = self._state, ("service", "state", "message", "given_up")
        rows = [record(watched, state.journal.desired(name)) for name, watched in list(state.services.items())]
        services = redact_data([{key: row[key] for key in kept} for row in rows])
        holder, node = address.controller(state.folder), platform.node()
        store.do(lambda c: loops.see(c, holder, node, storable(services)))
        self._seen = clock.monotonic()

    def _say(self, error: WdError) -> None:
        if error.what != self._said:
            self._said = error.what
            reason = "; ".join(error.lines())
            text = f"incidents are kept here and sent later, new alerts wait: {reason}"
            self._state.say("", text, "WARNING")
