"""The machine is short of memory, CPU or disk: the server would work elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.view import View
from watchdog.model.finding import Finding

PREVENT = "Take load off the machine or give it more; a restart would make it worse while it lasts."
# Percent of the last ten seconds in which somebody (some) or everybody (full) stood still. `full` of cpu is always 0.
_LIMITS = {"cpu.some.avg10": 80.0, "memory.full.avg10": 20.0, "io.full.avg10": 60.0}


def rule(view: View) -> Iterator[Finding]:
    machine = view.evidence.machine
    if machine is None or not (view.hung or view.late):  # it makes slow: it closes no port and keeps no lock
        return
    pressure = dict(machine.pressure)
    over = [(name, pressure[name]) for name, limit in _LIMITS.items() if pressure.get(name, 0.0) >= limit]
    # What the server itself does with the CPU is not the machine's fault.
    if not over or view.stuck_threads or any(thread.running >= 0.5 for thread in view.python_threads):
        return
    name, percent = max(over, key=lambda one: one[1])
    if view.hung and not _wants(view, name.partition(".")[0]):
        return
    yield Finding(
        cause="host-starved",
        certainty="likely",
        lasted=0.0,
        summary=f"the machine is starved of {name.partition('.')[0]}: "
        f"{percent:.0f} % of the last ten seconds were lost",
        evidence=("machine.json",),
        prevent=PREVENT,
        details=tuple(f"{one.pid} {one.shown(80)}" for one in machine.top_cpu[:3]),
    )


def _wants(view: View, what: str) -> bool:
    """Whether a thread of the server was seen to wait for it. One that sleeps meanwhile lacks nothing."""
    states = "R" if what == "cpu" else "RD"
    return any(thread.state in states for look in view.evidence.looks for thread in look.threads)
