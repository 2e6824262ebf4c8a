"""When not to act: the machine is starved, or so many services fail at once that the cause lies elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from watchdog.model.evidence import MachineLook

FEWEST = 3  # services below which "more than half of them" says nothing
SETTLES = 30.0  # seconds that services get to come back one after the other once a common cause is over

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


def common_cause(failing: Mapping[str, bool]) -> str:
    """`failing` says of every service that was asked lately whether it failed. Empty if they fail one by one."""
    bad = sorted(name for name, fails in failing.items() if fails)
    if len(failing) < FEWEST or len(bad) * 2 <= len(failing):
        return ""
    named = ", ".join(bad[:5]) + (" …" if len(bad) > 5 else "")
    return f"{len(bad)} of {len(failing)} services fail at once ({named}): one cause elsewhere is more likely"
