"""What a live server has and uses: CPUs, memory, and how much of it one worker takes."""

from __future__ import annotations

from watchdog.model.process import Tree
from watchdog.model.records import record
from watchdog.system import clock
from watchdog.system.host import machine
from watchdog.system.process import processes
from watchdog.targets import originals
from watchdog.workers.command_line import workers_of

_CPU_TIME = 1.0  # seconds over which CPU use is measured


@record(frozen=True)
class Measured:
    """One moment."""

    cpus: int
    memory: int  # bytes that the server may use in all: what is free and what it has
    cpu_share: float  # of all CPUs, by this server
    memory_share: float  # of that memory, by this server
    workers: int
    worker_memory: int  # bytes of the largest worker
    beside: int  # bytes of master and helpers
    configured: int | None  # workers that its command line asks for
    command: tuple[str, ...]
    bind: str  # where it listens; empty for a queue worker
    framework: str | None


def measure(tree: Tree) -> Measured:
    """Measure a server for about a second. Shared pages are counted for each worker: the figure is on the safe side."""
    table = processes.table()
    pids = [pid for pid in tree.pids if pid in table]
    workers = [member.process.pid for member in tree.members if member.role == "worker" and member.process.pid in table]
    if not workers and not tree.listeners:  # of a queue worker: the processes that its master has forked
        workers = [one.process.pid for one in tree.members if one.process.parent == tree.root.pid]
        workers = [pid for pid in workers if pid in table]
    counted = workers or [tree.root.pid]
    used = sum(table[pid].rss for pid in pids)
    sizes = [table[pid].rss for pid in counted if pid in table]
    _total, available = machine.memory_room(tree.root.pid)
    cpus = machine.glance().cpus
    root = originals.with_commands([tree.root]).get(tree.root.pid, tree.root)
    listener = next(iter(tree.listeners), None)
    return Measured(
        cpus=cpus,
        memory=available + used,
        cpu_share=_cpu_use(pids) / cpus,
        memory_share=used / (available + used) if available + used else 0.0,
        workers=len(counted),
        worker_memory=max(sizes, default=0),
        beside=used - sum(sizes),
        configured=workers_of(root.words),
        command=root.words,
        bind=f"{listener.address or '0.0.0.0'}:{listener.port}" if listener else "",
        framework=tree.framework,
    )


def _cpu_use(pids: list[int]) -> float:
    """CPUs in use by these processes."""
    before, begun = processes.table(), clock.monotonic()
    clock.wait_until(lambda: False, _CPU_TIME)
    after, span = processes.table(), clock.monotonic() - begun
    used = sum(after[pid].cpu_seconds - before[pid].cpu_seconds for pid in pids if pid in before and pid in after)
    return max(0.0, used) / span
