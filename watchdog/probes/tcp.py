"""Can it be connected to? Weak: the kernel accepts connections for a server that hangs."""

from __future__ import annotations

import time

from watchdog.model.kinds import Key
from watchdog.model.probing import Sample
from watchdog.probes.asked import Asked
from watchdog.probes.kind import ProbeKind
from watchdog.system.net.connect import connect, explain
from watchdog.text.units import format_duration


def probe(asked: Asked) -> Sample:
    host, _, port = str(asked.spec.subject).rpartition(":")
    begun = time.monotonic()
    try:
        connect(host.strip("[]") or "127.0.0.1", int(port), begun + asked.spec.timeout).close()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is explained
        problem, detail = explain(error)
        if problem == "local":
            return asked.unknown(detail)
        late = f"no connection within {format_duration(asked.spec.timeout)}"
        return asked.answer("failed", late if problem == "timeout" else detail, time.monotonic() - begun, "s")
    seconds = time.monotonic() - begun
    return asked.answer("ok", f"connects in {format_duration(seconds)} (which a hung server does too)", seconds, "s")


KIND = ProbeKind(
    Key("tcp", "address", "a port of this machine, or HOST:PORT"),
    "Can it be connected to? It cannot see a hang: the kernel answers for the server.",
    probe,
    weak="cannot see hangs: the kernel accepts for a hung server",
    health=3,
)
