"""Which probes are asked together: few jobs for the scheduler, first questions spread over the interval. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

from watchdog.model.playbook import ProbeSpec
from watchdog.model.records import record

APART = 0.2  # seconds between two slots: the scheduler wakes for each, and few enough questions come due together
SOON = 10.0  # seconds within which every probe has been asked once, however long its interval is


@record(frozen=True)
class Slot:
    """Probes of one interval that come due at the same moment: (service, probe)."""

    every: float
    first: float  # seconds from now
    probes: tuple[tuple[str, ProbeSpec], ...]


def slots(probes: Iterable[tuple[str, ProbeSpec]]) -> tuple[Slot, ...]:
    """Every probe in one slot. The probes of one service lie apart where there is room for it."""
    by_interval: dict[float, list[tuple[str, ProbeSpec]]] = defaultdict(list)
    for service, spec in probes:
        by_interval[spec.every].append((service, spec))
    found = []
    for every, members in sorted(by_interval.items()):
        spread = min(every, SOON)
        count = max(1, min(len(members), math.floor(spread / APART)))
        groups: list[list[tuple[str, ProbeSpec]]] = [[] for _ in range(count)]
        for position, member in enumerate(members):
            groups[position % count].append(member)
        found += [Slot(every, spread * at / count, tuple(group)) for at, group in enumerate(groups)]
    return tuple(found)
