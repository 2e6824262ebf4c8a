"""The memory of the whole tree: the sum of what each process has in memory. Pages that they share count for each."""

from __future__ import annotations

from watchdog.model.kinds import Key
from watchdog.model.playbook import ProbeSpec
from watchdog.model.probing import Sample
from watchdog.probes.asked import Asked, limit_of
from watchdog.probes.kind import ProbeKind
from watchdog.system.host.machine import memory_room
from watchdog.text.units import format_size


def probe(asked: Asked) -> Sample:
    members = asked.members()
    if not members:
        return asked.unknown("no process of it runs")
    used = sum(one.rss for one in members)
    total, _ = memory_room(members[0].pid)
    limit = limit_of(asked.spec.subject, total)
    if used > limit:
        return asked.answer("failed", f"uses {format_size(used)}, more than {format_size(limit)}", used, "B")
    return asked.answer("ok", f"uses {format_size(used)} of {format_size(limit)}", used, "B")


def _limit(spec: ProbeSpec, root: int | None) -> float | None:
    return limit_of(spec.subject, memory_room(root)[0])


KIND = ProbeKind(
    Key("memory", "size-or-share", "a size, or a share of the limit"),
    "The memory of the whole tree.",
    probe,
    needs_tree=True,
    measure=True,
    limit=_limit,
)
