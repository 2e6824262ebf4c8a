"""Open files and sockets of the process that is nearest to its limit."""

from __future__ import annotations

from watchdog.model.kinds import Key
from watchdog.model.playbook import Percent, ProbeSpec
from watchdog.model.probing import Sample
from watchdog.probes.asked import Asked, limit_of
from watchdog.probes.kind import ProbeKind
from watchdog.system.process import descriptors


def probe(asked: Asked) -> Sample:
    worst: tuple[float, str, float, bool] | None = None
    for one in asked.members():
        count, limit = descriptors.count(one.pid), descriptors.limit(one.pid)
        if count is None or (limit is None and isinstance(asked.spec.subject, Percent)):
            continue
        most = limit_of(asked.spec.subject, limit or 0)
        told = f"pid {one.pid} has {count} open" + (f" of at most {limit}" if limit else "")
        here = (count / most if most else 0.0, told, float(count), count > most)
        worst = max(worst, here) if worst else here
    if worst is None:
        return asked.unknown("its open files cannot be read: no process of it runs, or it needs more rights")
    return asked.answer("failed" if worst[3] else "ok", worst[1], worst[2])


def _limit(spec: ProbeSpec, root: int | None) -> float | None:
    most = descriptors.limit(root) if root else None
    return limit_of(spec.subject, most) if most else None


KIND = ProbeKind(
    Key("fds", "count-or-share", "a number, or a share of its limit", high=10_000_000),
    "Open files and sockets of the process that has most.",
    probe,
    needs_tree=True,
    measure=True,
    limit=_limit,
)
