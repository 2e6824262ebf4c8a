"""Does the health service of a gRPC server say that it serves? Like HTTP it sees a hang: the server has to answer."""

from __future__ import annotations

from watchdog.model.kinds import Key
from watchdog.model.probing import Sample
from watchdog.probes.asked import Asked
from watchdog.probes.kind import ProbeKind
from watchdog.system.net import grpc_health
from watchdog.text.units import format_duration


def probe(asked: Asked) -> Sample:
    host, _, port = str(asked.spec.subject).rpartition(":")
    service = asked.spec.setting("name") or ""
    found = grpc_health.ask(
        host.strip("[]") or "127.0.0.1", int(port), timeout=asked.spec.timeout, service=str(service)
    )
    if found.problem == "local" or found.state == "SERVICE_UNKNOWN":
        return asked.unknown(found.detail or f"its health service does not know {service!r}")
    if found.problem == "timeout":
        return asked.answer("failed", f"no answer within {format_duration(asked.spec.timeout)}", found.seconds, "s")
    if found.problem or found.state != grpc_health.SERVING:
        return asked.answer("failed", found.detail or f"says {found.state}", found.seconds, "s")
    took, slow = f"says {found.state} in {format_duration(found.seconds)}", asked.spec.setting("slow")
    if slow is not None and found.seconds > slow:
        return asked.answer("slow", f"{took}, more than {format_duration(slow)}", found.seconds, "s")
    return asked.answer("ok", took, found.seconds, "s")


KIND = ProbeKind(
    Key("grpc", "address", "a port of this machine, or HOST:PORT, without TLS"),
    "Does the health service of a gRPC server (grpc.health.v1) say SERVING? It needs `pip install 'wd-oncall[grpc]'`.",
    probe,
    keys=(
        Key("name", "text", "the service to ask about; by default the whole server"),
        Key("slow", "duration", "a good answer that took longer is slow", low=0.001, high=3600.0),
    ),
    answers=True,
    health=4,
)
