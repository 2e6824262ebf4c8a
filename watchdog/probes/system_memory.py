"""Memory in use of all that there is: of the machine, or of the control group that holds the server."""

from __future__ import annotations

from watchdog.model.kinds import Key
from watchdog.model.playbook import ProbeSpec
from watchdog.model.probing import Sample
from watchdog.probes.asked import Asked, percent_of
from watchdog.probes.kind import ProbeKind
from watchdog.system.host.machine import memory_room
from watchdog.text.units import format_size


def probe(asked: Asked) -> Sample:
    total, available = memory_room(asked.tree.root.pid if asked.tree else None)
    if not total:
        return asked.unknown("the machine's memory cannot be read")
    share, limit = 100.0 * (total - available) / total, percent_of(asked.spec.subject)
    told = f"{share:.0f} % of {format_size(total)} is in use"
    return asked.answer("failed" if share > limit else "ok", told, share, "%")


def _limit(spec: ProbeSpec, root: int | None) -> float | None:
    return percent_of(spec.subject)


KIND = ProbeKind(
    Key("system-memory", "share", "above this share it fails"),
    "The memory in use of the machine, or of the control group's limit.",
    probe,
    needs_tree=True,
    measure=True,
    limit=_limit,
)
