"""A runbook as read from its Markdown, and the plan that is made of it."""

from __future__ import annotations

from watchdog.model.records import record


@record(frozen=True)
class Parameter:
    """A value that a runbook takes, with `--set name=value`."""

    name: str
    default: str | None = None  # None: must be given
    help: str = ""


@record(frozen=True)
class Block:
    """One fenced block: steps of wd, or commands of an ordinary procedure."""

    language: str  # "wd", "sh", "bash", "powershell"
    # (line number in the file, text); of steps without comments and blank lines, of a script every line as it stands
    lines: tuple[tuple[int, str], ...]
    timeout: float | None = None  # seconds
    on_fail: str = "stop"  # stop, continue, escalate, or the name of a runbook
    when: str = ""  # a condition over earlier results: "why.advice == restart"
    systems: tuple[str, ...] = ()  # linux, macos, windows; empty: any
    heading: str = ""  # the heading it stands under
    line: int = 0  # of its fence
    confirm: bool = False  # a person is asked before it
    approve: int = 0  # so many different people must allow it
    rollback: bool = False  # undoes the block before it, when a later one fails
    given: tuple[str, ...] = ()  # the options that its fence names


@record(frozen=True)
class Runbook:
    """A procedure for one symptom: a document that a person reads and wd runs."""

    name: str
    path: str
    summary: str
    blocks: tuple[Block, ...]
    parameters: tuple[Parameter, ...] = ()
    text: str = ""


@record(frozen=True)
class StepCall:
    """One line of a plan, filled in and split into words: what will run."""

    words: tuple[str, ...]  # ("kill", "--grace", "5s"); of a shell block the whole script, as one word
    block: int  # index of its block
    line: int  # in the runbook's file; 0: typed by a person
    language: str = "wd"
    environment: tuple[tuple[str, str], ...] = ()  # parameters of a shell block
    undoes: bool = False  # it runs as part of a rollback

    @property
    def step(self) -> str:
        return self.words[0] if self.words else ""

    @property
    def text(self) -> str:
        return " ".join(self.words)


@record(frozen=True)
class RunPlan:
    """What a run will do, in order: printed by `--dry-run`, executed by the runner, one and the same."""

    runbook: Runbook | None  # None: one command typed by a person
    calls: tuple[StepCall, ...]
    blocks: tuple[Block, ...]
    service: str | None = None
