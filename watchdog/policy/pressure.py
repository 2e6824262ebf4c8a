"""When not to act: the machine is starved, or several services fail for one reason that lies elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from watchdog.model.evidence import MachineLook
from watchdog.model.records import record

FEWEST = 3  # services below which "all of them at once" says nothing
SETTLES = 30.0  # seconds that all services get to come back by themselves before one is tried

# Percent of time, over a window, in which work stood still. `full` of cpu is always 0 for a whole machine.
_STALLS = {"memory.full.avg10": 20.0, "memory.full.avg60": 10.0, "io.full.avg60": 60.0, "cpu.some.avg60": 95.0}
_NAMES = {"memory": "memory", "io": "disks", "cpu": "a CPU"}
_LOAD = 8.0  # runnable and waiting threads for each CPU, where there is no pressure information
_LEFT = 0.01  # part of the memory that must be available


def starved(machine: MachineLook) -> str:
    """Why the machine, not the server, is slow now; empty if it is not."""
    stalls = dict(machine.pressure)
    load = machine.load[0] / machine.cpus if machine.load else 0.0
    for name, most in _STALLS.items():
        if stalls.get(name, 0.0) < most:
            continue
        if name.startswith("cpu") and load < _LOAD / 2:
            continue  # one greedy program on an otherwise idle machine stalls nobody else
        what = _NAMES[name.partition(".")[0]]
        window = name.rpartition("avg")[2]
        return f"programs waited for {what} {stalls[name]:.0f} % of the last {window} s"
    if machine.memory_total and machine.memory_available < _LEFT * machine.memory_total:
        return "almost no memory is available"
    if not stalls and load > _LOAD:
        return f"the load is {load:.0f} for each CPU"
    return ""


@record(frozen=True)
class Failing:
    """A service whose server fails to answer although it could."""

    since: float  # its first failure, on the monotonic clock
    period: float  # seconds within which its probe notices a failure
    waits_for: frozenset[str] = frozenset()  # addresses that got its request and have sent nothing since
    on_disk: bool = False  # a thread of it waits for a disk


@record(frozen=True)
class CommonCause:
    """One reason for the trouble of several services."""

    kind: Literal["peer", "disk", "at-once", "settles"]  # settles: it is over, and the service gets some time
    why: str


def common_cause(service: str, asked: Mapping[str, Failing | None]) -> CommonCause | None:
    """The reason that this failing service shares with others. `asked`: every service that was asked lately."""
    failing = {name: one for name, one in asked.items() if one is not None}
    mine = failing.get(service)
    if mine is None or len(failing) < 2:
        return None
    for peer in sorted(mine.waits_for):
        if len(share := [name for name, one in failing.items() if peer in one.waits_for]) > 1:
            return CommonCause("peer", f"{_names(share)} wait for {peer}, which does not reply")
    if mine.on_disk and len(share := [name for name, one in failing.items() if one.on_disk]) > 1:
        return CommonCause("disk", f"{_names(share)} wait for a disk")
    begun = [one.since for one in failing.values()]
    together = max(begun) - min(begun) <= max(one.period for one in failing.values())
    if len(failing) == len(asked) >= FEWEST and together:
        return CommonCause("at-once", f"all {len(asked)} services failed at once: one cause elsewhere is likely")
    return None


def _names(services: Iterable[str]) -> str:
    ordered = sorted(services)
    return ", ".join(ordered[:5]) + (" …" if len(ordered) > 5 else "")
