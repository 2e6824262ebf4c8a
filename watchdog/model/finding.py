"""What a diagnosis says: findings, the first of which is the verdict."""

from __future__ import annotations

from typing import Any, Literal

from watchdog.model.exits import Exit
from watchdog.model.records import record

Advice = Literal["none", "wait", "restart", "restart-worker", "fix-config", "call-a-person"]

# The one list of causes. docs/causes.md explains each; the words are those of the field, and never change.
CAUSES: dict[str, str] = {
    "busy-loop": "Python code that never ends uses a core",
    "gil-held-native": "native code keeps the interpreter's lock",
    "lock-deadlock": "threads or tasks wait for each other's locks",
    "lock-convoy": "many threads queue for one lock that is held too long",
    "event-loop-blocked": "a synchronous call on the event loop's thread",
    "await-never": "the loop is idle, a future or event is never set",
    "external-wait": "no time-out on a read from a peer that does not answer",
    "pool-exhausted": "no free thread, worker, slot or pooled connection",
    "accept-backlog-full": "the kernel's queue of new connections is full",
    "fd-exhausted": "no free file descriptor",
    "memory-leak": "memory grows steadily",
    "memory-step": "memory grew at once",
    "thread-leak": "the number of threads only rises",
    "child-pipe-full": "a child waits in write to a pipe that its parent does not read",
    "db-locked": "a database writer keeps its lock",
    "import-lock": "an import waits for itself",
    "fork-lock": "a lock was held across fork",
    "stopped": "the process is stopped by a signal",
    "zombie-parent": "ended children are never reaped",
    "crash-loop": "the process dies again soon after each start",
    "wrong-program": "another program runs than the configured one",
    "port-squatter": "another process keeps the port, a restart cannot bind it",
    "ignores-sigterm": "SIGTERM does not end it",
    "slow-degradation": "answers get slower as state grows",
    "stdio-ipc-deadlock": "parent and child each wait for the other's pipe",
    "stdin-json-garbage": "a child's output is not always JSON",
    "oom-killed": "ended at a memory limit",
    "disk-full": "no space is left on a file system it needs",
    "healthy-but-slow": "slow, within the limit",
    "healthy-busy": "high CPU by design, answering",
    "healthy": "nothing is wrong",
    "host-starved": "the machine is short of memory, CPU or disk, not the server",
    "traced": "a debugger holds the process",
    "uninterruptible": "the process waits in the kernel and cannot be ended",
    "not-running": "no process serves it",
    "start-failed": "it ended while starting",
    "child-wait": "it waits for a child process that does not end",
    "not-python": "no Python server; only the outside can be told",
    "unknown": "it cannot be told from what could be seen",
}
HEALTHY = frozenset({"healthy", "healthy-busy", "healthy-but-slow"})


@record(frozen=True)
class Culprit:
    """The guilty line."""

    file: str
    line: int
    function: str
    source: str = ""
    pid: int | None = None
    thread: str | None = None

    def record(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "line": self.line,
            "function": self.function,
            "source": self.source,
            "pid": self.pid,
            "thread": self.thread,
        }


@record(frozen=True)
class Finding:
    """One cause with its confidence, the guilty line and the evidence behind it."""

    cause: str  # a key of CAUSES
    confidence: float  # 0 to 1
    summary: str
    advice: Advice
    culprit: Culprit | None = None
    peer: str | None = None
    evidence: tuple[str, ...] = ()  # "stacks.json#pid=42,thread=withdraw"
    prevent: str = ""  # what to change so that it does not come back
    details: tuple[str, ...] = ()  # lines for a person: the cycle, the await chain, the curve
    warns: bool = False  # a warning, where the same cause is a fault if nobody is answered

    def record(self) -> dict[str, Any]:
        return {
            "cause": self.cause,
            "confidence": round(self.confidence, 2),
            "summary": self.summary,
            "culprit": self.culprit.record() if self.culprit else None,
            "peer": self.peer,
            "evidence": list(self.evidence),
            "advice": self.advice,
            "prevent": self.prevent,
            "details": list(self.details),
        }


@record(frozen=True)
class Diagnosis:
    """The answer to `why`: findings, strongest first, the root before its victims."""

    verdict: str  # the first finding's cause, or "healthy"
    findings: tuple[Finding, ...]
    advice: Advice
    signature: str = ""  # cause and normalised top frames: the same text means the same trouble
    request: str = ""  # the input that hung it, where that could be seen
    missing: tuple[str, ...] = ()  # what could not be told, and the command that would get it

    @property
    def exit(self) -> Exit:
        if self.verdict in ("unknown", "not-python"):
            return Exit.UNKNOWN
        if not self.findings or self.verdict == "healthy" or self.verdict == "healthy-busy":
            return Exit.FINE
        if self.findings[0].warns:
            return Exit.WARNING
        if self.verdict in ("healthy-but-slow", "slow-degradation", "memory-step", "zombie-parent", "thread-leak"):
            return Exit.WARNING
        return Exit.CRITICAL
