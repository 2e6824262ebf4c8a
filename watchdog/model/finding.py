"""What a diagnosis says: findings, the first of which is the verdict."""

from __future__ import annotations

from typing import Any, Literal

from watchdog.model.causes import CAUSES, Advice
from watchdog.model.exits import Exit, exit_of
from watchdog.model.records import record

Certainty = Literal["certain", "likely", "guess"]
# What a person does where the advice is to call one. continue: a stopped process goes on at SIGCONT; later: a restart
# at a good moment; end-connection: of the client that does not read.
Remedy = Literal["", "continue", "later", "end-connection"]

# The chance that a finding of each grade is right, as measured on servers that no rule was made for (decision 142).
CHANCES: dict[Certainty, float] = {"certain": 0.95, "likely": 0.95, "guess": 0.5}


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
    """One cause: how certain it is, the guilty line, and the evidence behind it."""

    cause: str  # a key of CAUSES
    certainty: Certainty  # certain: the kernel or the interpreter's memory says so
    summary: str
    instead: Advice | None = None  # the advice, where that of the cause does not fit
    culprit: Culprit | None = None
    peer: str | None = None
    evidence: tuple[str, ...] = ()  # "stacks.json#pid=42,thread=withdraw"
    prevent: str = ""  # what to change so that it does not come back
    details: tuple[str, ...] = ()  # lines for a person: the cycle, the await chain, the curve
    warns: bool = False  # a warning, where the same cause is a fault if nobody is answered
    lasted: float | None = None  # seconds of waiting or computing; None: it is not a matter of time
    no_end: bool = False  # by its source, nothing leaves what keeps the main thread from its event loop
    remedy: Remedy = ""  # goes with the advice "call-a-person"
    waits_for: str = ""  # kind of what it waits for, where that may have its own cause: see `ranking.ROOTS`

    @property
    def advice(self) -> Advice:
        return self.instead or CAUSES[self.cause].advice

    @property
    def confidence(self) -> float:
        """The chance that the cause is right."""
        return CHANCES[self.certainty]

    def record(self) -> dict[str, Any]:
        return {
            "cause": self.cause,
            "confidence": self.confidence,
            "certainty": self.certainty,
            "summary": self.summary,
            "culprit": self.culprit.record() if self.culprit else None,
            "peer": self.peer,
            "evidence": list(self.evidence),
            "advice": self.advice,
            "remedy": self.remedy or None,
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
        if not self.findings:
            return Exit.UNKNOWN if self.verdict == "unknown" else Exit.FINE
        if self.findings[0].warns:
            return Exit.WARNING
        return exit_of(CAUSES[self.verdict].kind)
