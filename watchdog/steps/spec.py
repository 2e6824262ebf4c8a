"""What a step is: one definition that the shell and the runbooks are both made from.

A spec is light: it names the function as text, so that `wd --help` imports nothing heavy.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from watchdog.model.exits import Exit, exit_of
from watchdog.model.records import record

if TYPE_CHECKING:
    from pathlib import Path

    from watchdog.journal.store import Journal
    from watchdog.model.evidence import Evidence
    from watchdog.model.finding import Diagnosis
    from watchdog.model.incident import Trigger
    from watchdog.model.killing import KillResult
    from watchdog.model.launching import StartResult, VerifyResult
    from watchdog.model.playbook import Playbook
    from watchdog.model.probing import CheckResult
    from watchdog.model.process import Identity, Tree
    from watchdog.model.selector import Selector
    from watchdog.model.snapshot import Snapshot
    from watchdog.starting.launch import Shim

Kind = Literal["text", "flag", "integer", "duration", "size", "path", "words", "service", "runbook", "incident"]
StepOutcome = Literal["ok", "warning", "failed", "refused", "nothing", "skipped", "planned", "unknown"]


# ends: a process of the service ends. starts: one starts. proves: that it answers, or is gone. tells: a person.
Effect = Literal["ends", "starts", "proves", "tells"]
Answer = Literal["yes", "no", "late", "over", "nobody"]  # over: it was withdrawn; nobody: there is no terminal


@record(frozen=True)
class Option:
    """One option of a step. `kind` says how its text is read: a duration arrives as seconds, a size as bytes."""

    name: str  # "--grace"
    kind: Kind = "text"
    default: Any = None
    help: str = ""
    many: bool = False
    required: bool = False
    choices: tuple[str, ...] = ()
    metavar: str = ""
    short: str = ""  # "-f"
    least: int = 0  # of a whole number

    @property
    def key(self) -> str:
        """The name under which the value reaches the step."""
        return self.name.lstrip("-").replace("-", "_")


@record(frozen=True)
class Argument:
    """A word without dashes."""

    name: str
    required: bool = False
    many: bool = False
    help: str = ""
    choices: tuple[str, ...] = ()
    kind: Kind = "text"


@record(frozen=True)
class StepSpec:
    """A verb: what the shell offers as `wd NAME` and a runbook as a line."""

    name: str
    summary: str  # one line for `wd --help`
    run: str  # "watchdog.steps.kill:kill"
    options: tuple[Option, ...] = ()
    arguments: tuple[Argument, ...] = ()
    help: str = ""  # more, for `wd NAME --help`
    targets: bool = False  # takes selectors
    service: bool = False  # needs a service of a playbook
    changes: bool = False  # alters something outside wd's own folder: asks the policy, opens an incident
    lists: bool = False  # its result is many rows
    waits: float = 0.0  # seconds for another wd that works on the same server; then it is refused
    effects: tuple[Effect, ...] = ()  # what it does to the service; the runner and the reports go by these alone

    def function(self) -> Callable[[Context, Mapping[str, Any]], StepResult]:
        module, _, name = self.run.partition(":")
        found: Callable[[Context, Mapping[str, Any]], StepResult] = getattr(importlib.import_module(module), name)
        return found


@record(frozen=True)
class StepResult:
    """What a step came to: an outcome for the runner, a line for a person, JSON for a script."""

    outcome: StepOutcome
    message: str
    data: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[Mapping[str, Any], ...] = ()  # of a step that lists
    exit: Exit = None  # type: ignore[assignment]  # by default the outcome's own
    text: str = ""  # the long form for a person; empty: the message will do

    def __post_init__(self) -> None:
        if self.exit is None:
            object.__setattr__(self, "exit", exit_of(self.outcome))


@record
class Findings:
    """What the earlier steps of the same run found and did."""

    tree: Tree | None = None
    before: frozenset[Identity] | None = None  # who ran when nothing did any more: all others have come since
    evidence: Evidence | None = None
    snapshot: Snapshot | None = None
    diagnosis: Diagnosis | None = None
    killed: KillResult | None = None
    armed: Shim | None = None  # not used yet: it starts the server even if wd dies now; one start takes it
    shim: Shim | None = None  # of the last start: the parent of what was started
    arming: Callable[[], Shim | None] | None = None  # where one is on its way to its post already: waits for it
    started: StartResult | None = None
    verified: VerifyResult | None = None
    checks: tuple[CheckResult, ...] = ()
    over: str = ""  # why nothing has to be ended any more: the run ends here, and well

    @property
    def known(self) -> frozenset[Identity] | None:
        """Whom this run may end: whom it has looked at, and what it started itself. None: it has not looked yet."""
        seen = self.before
        if seen is None and self.tree is not None:
            seen = frozenset(one.process.identity for one in self.tree.members)
        ours = (self.started.identity if self.started else None, self.shim.identity if self.shim else None)
        return None if seen is None else seen | {one for one in ours if one is not None}

    def arm(self, shim: Shim) -> None:
        """Keep an armed shim for the next start. An older one that was not used starts nothing any more."""
        self.disarm()
        self.armed = shim

    def disarm(self) -> None:
        """No start follows: a shim that is only dropped would take that for the death of wd, and start the server."""
        if self.armed is not None:
            self.armed.cancel()
        self.armed = None

    def take_armed(self) -> Shim | None:
        """The armed shim, for one start: a shim that has started something is never used again."""
        shim, self.armed = self.armed, None
        if shim is None and self.arming is not None:
            shim, self.arming = self.arming(), None
        return shim

    def leave_alone(self) -> None:
        """wd ends in the middle of a run: the shims finish what it began."""
        for shim in (self.armed, self.shim):
            if shim is not None:
                shim.leave_alone()


def nobody(question: str, seconds: float, still: Callable[[], bool]) -> Answer:
    """Where no person can be asked."""
    return "nobody"


def _by_a_person() -> Trigger:
    from watchdog.model.incident import Trigger

    return Trigger("person")


@record
class Context:
    """All that a step may need, made once a run."""

    selector: Selector
    say: Callable[[str], None]  # progress for a person, on standard error
    ask: Callable[[str], bool]  # a question; False without a terminal and without --yes
    folder: Path  # of the incident: evidence and report go there
    state: Path  # wd's state folder: journal, shim records, locks
    playbook: Playbook | None = None
    home: Path | None = None
    journal: Journal | None = None
    incident: str | None = None
    trigger: Trigger = field(default_factory=_by_a_person)
    dry_run: bool = False
    yes: bool = False
    deadline: float | None = None  # on the monotonic clock
    will_start: bool = False  # a later step of this run starts the service again
    in_runbook: bool = False
    local: bool = True  # False: the daemon's run, where nobody watches a terminal
    evidence_until: float | None = None  # on the monotonic clock: how long evidence may be in the way; None: as it says
    found: Findings = field(default_factory=Findings)
    # A question that is open for so many seconds at most, and as long as the last argument says that it stands.
    ask_within: Callable[[str, float, Callable[[], bool]], Answer] = nobody
    why_over: Callable[[], str] = lambda: ""  # why the trouble behind this run is over; empty while it lasts

    @property
    def language(self) -> str:
        """Of the report and of what people are sent."""
        return self.playbook.language if self.playbook else ""

    @property
    def started(self) -> tuple[Identity, ...]:
        """What wd has started as this service before, and what has not been seen to end: it may still run."""
        if self.playbook is None:
            return ()
        from watchdog.system.shim import records  # `wd --help` needs none of it

        return records.running(records.folder(self.state, self.playbook.service))
