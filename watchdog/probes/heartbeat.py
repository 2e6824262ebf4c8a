"""Does the server send its heartbeat? It sends WATCHDOG=1 to NOTIFY_SOCKET, as under systemd."""

from __future__ import annotations

import time

from watchdog.model.kinds import Key
from watchdog.model.probing import Sample
from watchdog.probes.asked import Asked
from watchdog.probes.kind import ProbeKind
from watchdog.system.shim import heard
from watchdog.text.units import format_duration


def probe(asked: Asked) -> Sample:
    """Of the start that runs now. A server that still starts has time for its first one until it must be ready."""
    tree, most = asked.tree, float(asked.spec.subject)
    if tree is None or not asked.members():
        return asked.unknown("no process of it runs")
    said = heard.read(tree.root.parent)
    since = time.monotonic() - said.beat if said and said.beat is not None else None
    if since is None:
        age = asked.at - tree.root.started
        if age < max(most, asked.playbook.start.ready.within):
            return asked.unknown("it has not sent WATCHDOG=1 yet")
        return asked.answer("failed", f"it has never sent WATCHDOG=1 in {format_duration(age)}")
    told = f"its last WATCHDOG=1 came {format_duration(since)} ago"
    return asked.answer("failed" if since > most else "ok", told, since, "s")


KIND = ProbeKind(
    Key("heartbeat", "duration", "the longest time between two heartbeats", low=1.0, high=86_400.0),
    "Does the server send WATCHDOG=1 to NOTIFY_SOCKET in time? It finds the time in WATCHDOG_USEC (sd_notify, Linux).",
    probe,
    needs_tree=True,
    weak="sees only the part of the server that sends it",
    health=2,
)
