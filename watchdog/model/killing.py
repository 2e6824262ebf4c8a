"""The plan of a kill and what came of it. `--dry-run` prints the very plan that the real run executes."""

from __future__ import annotations

from typing import Any, Literal

from watchdog.model.finding import Culprit
from watchdog.model.process import LeftOut, Process, Tree
from watchdog.model.records import record

Argv = tuple[str, ...]
Outcome = Literal["done", "failed", "refused", "nothing", "planned"]


@record(frozen=True)
class Doomed:
    """One process that is to end, and what is known beforehand about how it will take it."""

    process: Process
    role: str
    note: str = ""  # "ignores SIGTERM", "stopped: SIGTERM is followed by SIGCONT", "zombie: nothing to kill" …


@record(frozen=True)
class Survivor:
    """A process that is still there after the kill, with the reason that the kernel gives."""

    pid: int
    command: str
    reason: str


@record(frozen=True)
class Orders:
    """What to say to a manager. `end`: SIGKILL for all of the service, when a stop does not come to an end."""

    stop: Argv
    end: Argv
    start: Argv


@record(frozen=True)
class Ownership:
    """What the manager above a server answered when it was asked whether it keeps this server.

    With `orders`: it named our process, and these reach this very manager. With `problem`: that could not be proven, so
    nothing is ended. With neither: it does not keep the server, which is ended by signals.
    """

    orders: Orders | None = None
    problem: str = ""


@record(frozen=True)
class Whom:
    """The server that a kill is about to end, as a person knows it."""

    program: str
    title: str  # what the process calls itself
    user: str
    age: float  # seconds
    answers: str  # healthy, slow, hung, down, unknown; empty: it was not asked
    requests: int  # in progress
    python: bool = True
    stands_for_others: bool = False  # a proxy or a tunnel

    def record(self) -> dict[str, Any]:
        return {
            "program": self.program,
            "title": self.title,
            "user": self.user,
            "age": round(self.age, 1),
            "answers": self.answers or None,
            "requests": self.requests,
        }


@record(frozen=True)
class KillPlan:
    """Who ends, why, by what signal when; and who is spared, and why."""

    tree: Tree
    doomed: tuple[Doomed, ...]
    spared: tuple[LeftOut, ...]
    reason: str  # the selector in words
    grace: float  # seconds between SIGTERM and the freeze
    force: bool = False  # KILL at once
    refusals: tuple[str, ...] = ()  # guards that say no: nothing is signalled
    orders: Orders | None = None  # for the manager that keeps it: then only that manager ends it
    ports: tuple[int, ...] = ()
    allow_unsafe: bool = False  # where the system cannot hold a process: go by its start time
    hung: bool = False  # known not to work: a process that stays perfectly still after SIGTERM gets no more time
    guilty: Culprit | None = None  # a call without an end keeps its main thread: as long as it does, SIGTERM has no use
    whom: Whom | None = None
    worker: int | None = None  # only this worker ends, its master replaces it

    @property
    def through(self) -> Argv:
        """The order that its manager gets instead of signals; empty where it has no manager."""
        if self.orders is None:
            return ()
        return self.orders.end if self.force else self.orders.stop

    def record(self) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "whom": self.whom.record() if self.whom else None,
            "grace": self.grace,
            "force": self.force,
            "doomed": [
                {"pid": one.process.pid, "command": one.process.command, "role": one.role, "note": one.note}
                for one in self.doomed
            ],
            "spared": [{"pid": one.pid, "command": one.command, "reason": one.reason} for one in self.spared],
            "refusals": list(self.refusals),
            "through": list(self.through),
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
    survivors: tuple[Survivor, ...] = ()  # still there, with the reason the kernel gives
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
