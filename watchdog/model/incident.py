"""An incident: the thing with an id and a life, from trigger to report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from watchdog.model.records import record
from watchdog.text.units import iso

RunOutcome = Literal["recovered", "done", "failed", "refused", "planned", "nothing", "running", "interrupted"]


@record(frozen=True)
class Trigger:
    """What started a run."""

    kind: str  # person, probe, limit (a measure of a server that answers), cron, every, log, death, trend
    detail: str = ""  # "kim typed: wd run frozen-server", "health: 3 failures in a row"
    by: str = ""  # the user
    since: float | None = None  # seconds since the epoch: the first sign of the trouble
    typed: str = ""  # the command line, where a person typed one
    home: str = ""  # the home that this command line named
    gave_up: str = ""  # why the loop gave up, in the run that only calls a person
    agreed_by: str = ""  # who said yes to it, from where and when, in the mode ask
    alert: str = ""  # the id of the alert that began it

    def cleaned(self, clean: Callable[[str], str]) -> Trigger:
        """The same with every text through a filter, such as the one for secrets."""
        return replace(
            self,
            kind=clean(self.kind),
            detail=clean(self.detail),
            by=clean(self.by),
            typed=clean(self.typed),
            home=clean(self.home),
            gave_up=clean(self.gave_up),
            agreed_by=clean(self.agreed_by),
        )


@record(frozen=True)
class Desired:
    """What a person wants of a service. The loop neither undoes it nor counts it as a death."""

    state: Literal["running", "stopped", "snoozed"] = "running"
    since: float = 0.0  # seconds since the epoch
    until: float | None = None  # None: until a person says otherwise
    until_healthy: bool = False
    by: str = ""
    why: str = ""


@record(frozen=True)
class Restart:
    """One restart that counts against a budget."""

    service: str
    at: float  # seconds since the epoch
    automatic: bool  # by the loop, not by a person
    incident: str = ""
    signature: str = ""  # of the trouble that it was meant to cure


@record(frozen=True)
class StepRecord:
    """One step of a run, journalled before it begins (outcome "running") and after it ended."""

    number: int
    step: str  # "kill"
    text: str  # "kill --grace 5s"
    outcome: str  # running, ok, warning, failed, refused, nothing, skipped, planned
    begun: float  # seconds since the epoch
    seconds: float = 0.0
    message: str = ""
    data: dict[str, Any] | None = None  # the step's JSON result
    by_hand: str = ""  # what a person types to do the same; empty for a step that is of no use alone

    def record(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "text": self.text,
            "outcome": self.outcome,
            "begun": iso(self.begun),
            "seconds": round(self.seconds, 3),
            "message": self.message,
        }


ROLLBACK = "rollback: "  # before the text of a step that undid another one
DownFrom = Literal["probe", "log", "queue", "process-state", "run"]
CRASH_LOOP = "crash-loop"  # the same where its shim starts it again each time, and clients are served
GIVE_UP = "give-up"  # what stands in the place of a runbook where a person is called


@record(frozen=True)
class Incident:
    """What the journal keeps of one run."""

    id: str  # "2026-01-31-030012-shop-4f2a": sorts by time, safe as a file name
    opened: float
    service: str | None
    runbook: str
    trigger: Trigger
    outcome: RunOutcome = "running"
    closed: float | None = None
    cause: str = ""  # the first finding's word
    signature: str = ""
    finding: dict[str, Any] | None = None  # the whole diagnosis as JSON
    request: str = ""  # the input that hung it, if known
    downtime: float | None = None  # seconds from the first sign of trouble to the first answer that proves its end
    down_since: float | None = None
    downtime_from: str = ""  # what the first sign was: a DownFrom
    downtime_exact: bool = False  # False: at least so long
    folder: str = ""  # holds report and evidence
    report: str = ""
    old_pids: tuple[int, ...] = ()
    new_pid: int | None = None
    root_cause: str = ""  # filled in by a person
    fix: str = ""  # filled in by a person
    repeated: str = ""  # "4th time in 7 days, same line; the last restart held 3h", where the journal remembers
    changed: str = ""  # in the service's program since it last started well
    overridden: str = ""  # which budget a person overrode, and why it had said no
    notes: tuple[tuple[float, str, str], ...] = ()  # (when, by, text)
    steps: tuple[StepRecord, ...] = ()
    head: str = ""  # of the journal's chain when this was read: "214:9f3c…"

    @property
    def gave_up(self) -> bool:
        """Whether it is the one in which a person was called, and nothing was done to the server."""
        return self.runbook == GIVE_UP

    @property
    def came_to(self) -> str:
        """The outcome for a person: a giving up that went as planned is nothing that is done."""
        return "given up" if self.gave_up and self.outcome == "done" else self.outcome

    def record(self) -> dict[str, Any]:
        return {
            "incident": self.id,
            "opened": iso(self.opened),
            "closed": iso(self.closed) if self.closed is not None else None,
            "service": self.service,
            "runbook": self.runbook,
            "trigger": {"kind": self.trigger.kind, "detail": self.trigger.detail, "by": self.trigger.by},
            "given_up": self.trigger.gave_up or None,
            "agreed_by": self.trigger.agreed_by or None,
            "outcome": self.outcome,
            "cause": self.cause,
            "signature": self.signature,
            "input": self.request,
            "repeated": self.repeated,
            "changed": self.changed,
            "overridden": self.overridden,
            "downtime": round(self.downtime, 2) if self.downtime is not None else None,
            "downtime_from": self.downtime_from or None,
            "downtime_exact": self.downtime_exact,
            "root_cause": self.root_cause,
            "fix": self.fix,
            "old_pids": list(self.old_pids),
            "new_pid": self.new_pid,
            "report": self.report,
            "head": self.head or None,
            "steps": [step.record() for step in self.steps],
            "notes": [{"at": iso(when), "by": by, "text": text} for when, by, text in self.notes],
        }


@record(frozen=True)
class RunResult:
    """What a whole run came to: the last line of `wd run`."""

    incident: str | None
    outcome: RunOutcome
    steps: tuple[StepRecord, ...]
    findings: tuple[dict[str, Any], ...] = ()
    report: str = ""
    message: str = ""

    def record(self) -> dict[str, Any]:
        return {
            "incident": self.incident,
            "outcome": self.outcome,
            "steps": [step.record() for step in self.steps],
            "findings": list(self.findings),
            "report": self.report,
            "message": self.message,
        }
