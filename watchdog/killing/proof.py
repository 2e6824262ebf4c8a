"""Is it really over? Everybody gone, and every port free to be bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from watchdog.model.killing import KillPlan, Survivor
from watchdog.model.process import Identity
from watchdog.system.clock import Deadline, wait_until
from watchdog.system.holds import Hold
from watchdog.system.net import ports
from watchdog.system.process import lineage, processes

PATIENCE = 15.0  # seconds; the memory of a big process is freed before its sockets are closed


def free_ports(plan: KillPlan, say: Callable[[str], None], within: float = PATIENCE) -> tuple[tuple[int, bool], ...]:
    """(port, is free for the next start) for each port of the plan, waiting for the kernel to let go."""
    deadline, found = Deadline(within), []
    for port in plan.ports:
        if not ports.is_free(port):
            say(f"waiting for port {port} to be let go")
        found.append((port, wait_until(lambda port=port: ports.is_free(port), deadline.left)))  # type: ignore[misc]
    return tuple(found)


def why_held(held: Sequence[tuple[int, bool]]) -> str:
    """What keeps the ports that could not be bound; empty if all could."""
    return "; ".join(
        ports.why_not_bound(port) or f"port {port} was not free in time" for port, free in held if not free
    )


def survivor(held: Hold, command: str, denied: bool, last: str) -> Survivor:
    """One that is still there, with the reason as the kernel shows it; `last` is the signal that it got last."""
    now = processes.read(held.pid)
    if now is None or now.identity != held.identity:
        return Survivor(held.pid, command, "it ended just now")
    if denied:
        return Survivor(held.pid, command, f"the kernel does not let us signal a process of user {now.user}")
    if now.state == "D":
        where = lineage.wait_channel(held.pid)
        return Survivor(held.pid, command, f"not killable: it waits in the kernel{f' ({where})' if where else ''}")
    if now.tracer:
        tracer = processes.read(now.tracer)
        return Survivor(held.pid, command, f"held by the debugger {tracer.name if tracer else '?'} (pid {now.tracer})")
    what = f"SIG{last} was sent" if last else "it was left to its manager"
    return Survivor(held.pid, command, f"{what}, it is still in state {now.state}")


def not_reaped(identity: Identity) -> str:
    """Who should take the ended process away; empty if it is gone for good."""
    now = processes.read(identity.pid)
    if now is None or now.identity != identity or not now.ended:
        return ""
    parent = processes.read(now.parent)
    return f"has ended, and waits to be taken away by pid {now.parent} ({parent.name if parent else '?'})"
