"""The plan of a kill and what came of it. `--dry-run` prints the very plan that the real run executes."""

from __future__ import annotations

from typing import Any, Literal

from watchdog.model.process import Process, Tree
from watchdog.model.records import record

Outcome = Literal["done", "failed", "refused", "nothing", "planned"]


@record(frozen=True)
class Doomed:
    """One process that is to end, and what is known beforehand about how it will take it."""

    process: Process
    role: str
    note: str = ""  # "ignores SIGTERM", "stopped: SIGTERM is followed by SIGCONT", "zombie: nothing to kill" …


@record(frozen=True)
class Spared:
    """A process that was near and is left alone."""

    pid: int
    command: str
    reason: str


@record(frozen=True)
class KillPlan:
    """Who ends, why, by what signal when; and who is spared, and why."""

    tree: Tree
    doomed: tuple[Doomed, ...]
    spared: tuple[Spared, ...]
    reason: str  # the selector in words
    grace: float  # seconds between SIGTERM and the freeze
    force: bool = False  # KILL at once
    refusals: tuple[str, ...] = ()  # guards that say no: nothing is signalled
    through: str = ""  # "systemctl stop shop.service": the manager that must be asked instead
    ports: tuple[int, ...] = ()
    allow_unsafe: bool = False  # where the system cannot hold a process: go by its start time
    hung: bool = False  # known not to work: a process that stays perfectly still after SIGTERM gets no more time
    worker: int | None = None  # only this worker ends, its master replaces it

    def record(self) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "grace": self.grace,
            "force": self.force,
            "doomed": [
                {"pid": one.process.pid, "command": one.process.command, "role": one.role, "note": one.note}
                for one in self.doomed
            ],
            "spared": [{"pid": one.pid, "command": one.command, "reason": one.reason} for one in self.spared],
            "refusals": list(self.refusals),
            "through": self.through,
            "ports": list(self.ports),
        }


@record(frozen=True)
class Ended:
    """A process that is gone, by which signal, how many seconds after the kill began."""

    pid: int
    signal: str  # TERM, KILL, or "" where it ended by itself
    seconds: float
    command: str = ""
    note: str = ""


@record(frozen=True)
class KillResult:
    """Proof of the end: everybody gone and every port free to be bound."""

    outcome: Outcome
    killed: tuple[Ended, ...] = ()
    survivors: tuple[Spared, ...] = ()  # still there, with the reason the kernel gives
    ports: tuple[tuple[int, bool], ...] = ()  # (port, can be bound)
    seconds: float = 0.0
    message: str = ""
    plan: KillPlan | None = None

    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "outcome": self.outcome,
            "killed": [
                {"pid": one.pid, "signal": one.signal, "seconds": round(one.seconds, 3), "note": one.note}
                for one in self.killed
            ],
            "survivors": [{"pid": one.pid, "command": one.command, "reason": one.reason} for one in self.survivors],
            "ports": [{"port": port, "free": free} for port, free in self.ports],
            "seconds": round(self.seconds, 3),
            "message": self.message,
        }
        if self.plan is not None and self.outcome in ("planned", "refused"):
            found["plan"] = self.plan.record()
        return found
