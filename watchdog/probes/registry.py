"""Every kind of probe: one file and one line here."""

from __future__ import annotations

from collections.abc import Iterable

from watchdog.model.playbook import ProbeSpec
from watchdog.probes import (
    certificate,
    command,
    cpu,
    disk,
    fds,
    grpc,
    heartbeat,
    http,
    log,
    memory,
    process,
    queue,
    stdio,
    system_memory,
    tcp,
    threads,
)
from watchdog.probes.kind import ProbeKind

_ALL: tuple[ProbeKind, ...] = (
    http.KIND,
    grpc.KIND,
    tcp.KIND,
    process.KIND,
    memory.KIND,
    system_memory.KIND,
    cpu.KIND,
    log.KIND,
    command.KIND,
    stdio.KIND,
    heartbeat.KIND,
    fds.KIND,
    threads.KIND,
    disk.KIND,
    queue.KIND,
    certificate.KIND,
)
KINDS: dict[str, ProbeKind] = {kind.name: kind for kind in _ALL}


def of(name: str) -> ProbeKind:
    """KeyError for a kind that does not exist."""
    return KINDS[name]


def health(name: str) -> int:
    """How well this kind tells whether the server serves; 0: it does not tell."""
    return KINDS[name].health if name in KINDS else 0


def best_for_health(probes: Iterable[ProbeSpec]) -> ProbeSpec | None:
    """The probe that tells best whether the service serves; None if none of them can tell."""
    best = max(probes, key=lambda one: health(one.kind), default=None)
    return best if best is not None and health(best.kind) else None


def answers(name: str) -> bool:
    """Whether a good answer of this kind proves that the server itself works."""
    return name in KINDS and KINDS[name].answers
