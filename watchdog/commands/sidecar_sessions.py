"""What `wd sidecar` has written down of its sessions, as `wd status` shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from watchdog.journal.store import Journal
from watchdog.model.records import record
from watchdog.sidecar.records import EVERY, KEPT_AS
from watchdog.text.units import counted, format_duration, format_size, iso

_LATE = 3 * EVERY  # seconds without a word, after which the bridge is gone
_SHOWN = 86400.0  # seconds for which a session that is over is shown


@record(frozen=True)
class Session:
    """The newest session of one service."""

    service: str
    state: str  # ok, failed, unknown, stopped
    since: float
    message: str
    figures: dict[str, Any]

    def record(self) -> dict[str, Any]:
        return {
            "service": self.service,
            "state": self.state,
            "since": iso(self.since),
            "message": self.message,
            "sidecar": self.figures,
        }


def sessions(journal: Journal, now: float) -> dict[str, Session]:
    """By service, without those that ended long ago."""
    found = {}
    for service, text in journal.kept_by_all(KEPT_AS).items():
        try:
            figures = json.loads(text)
            if not figures["over"] or now - figures["at"] < _SHOWN:
                found[service] = _session(service, figures, now)
        except (ValueError, KeyError, TypeError):
            continue  # of another version
    return found


def _session(service: str, figures: dict[str, Any], now: float) -> Session:
    silent = now - figures["at"]
    state, since = "ok", figures["began"]
    if figures["over"]:
        state, since = ("failed" if figures["gave_up"] else "stopped"), figures["at"]
    elif silent > _LATE:
        state, since = "unknown", figures["at"]
    how = {
        "ok": "the session is open",
        "failed": f"wd gave up: {figures['gave_up']}",
        "stopped": "the session is over",
        "unknown": "the bridge reports no more",
    }[state]
    return Session(service, state, since, f"{how}; {'; '.join(lines(figures))}", figures)


def lines(figures: dict[str, Any]) -> Iterator[str]:
    """The numbers for a person."""
    yield f"{counted(figures['sent'], 'message')} sent, {figures['received']} received, {figures['dropped']} dropped"
    yield f"errors: {figures['parse_errors']} broken, {figures['ipc_errors']} of the pipes"
    if figures["p50"] is not None:
        yield f"latency p50 {format_duration(figures['p50'])}, p99 {format_duration(figures['p99'])}"
    waits = figures["queue_to_child"] + figures["queue_to_host"]
    yield f"{counted(figures['pending'], 'request')} open, {format_size(waits)} in the queues"
    yield f"{counted(figures['restarts'], 'restart')}, {figures['hangs']} after a hang"
