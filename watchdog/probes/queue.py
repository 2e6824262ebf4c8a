"""Connections that the kernel took and the server has not: they queue up when it hangs, and looking costs nothing."""

from __future__ import annotations

from watchdog.model.kinds import Key
from watchdog.model.probing import Sample
from watchdog.probes.asked import Asked
from watchdog.probes.kind import ProbeKind
from watchdog.system.net import ports


def probe(asked: Asked) -> Sample:
    port, most = asked.playbook.find.port, int(asked.spec.subject)
    if port is None:
        return asked.unknown("the playbook names no port")
    found = ports.accept_queue(port)
    if found is None:
        return asked.unknown(f"nobody listens on port {port}, or this system does not tell its queue")
    queue, backlog = found
    told = f"{queue} connections wait" + (f" (the queue takes {backlog})" if backlog else "")
    return asked.answer("failed" if queue > most else "ok", told, queue)


KIND = ProbeKind(
    Key("queue", "whole", "this number is too many", low=1, high=1_000_000),
    "Connections that wait to be accepted: they grow when a server hangs, and asking costs nothing.",
    probe,
)
