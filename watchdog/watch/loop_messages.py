"""What the parts of the loop report. All of it goes through one queue and is taken by one thread, in order."""

from __future__ import annotations

from watchdog.model.incident import Trigger
from watchdog.model.playbook import ProbeSpec, TriggerSpec
from watchdog.model.records import record
from watchdog.watch.watched import Watched


@record(frozen=True)
class Trouble:
    """Something that may need a run: a decision is asked for."""

    watched: Watched
    trigger: TriggerSpec
    cause: Trigger
    spec: ProbeSpec | None = None  # the probe that saw it
    planned_at: float | None = None  # since when a planned run waits for a good moment, on the monotonic clock
    agreed: str = ""  # the runbook to which a person has said yes; the cause says who it was

    @property
    def key(self) -> str:
        return f"{self.trigger.kind} {self.trigger.subject}"

    @property
    def is_over(self) -> bool:
        """Whether the probe that saw it does not report trouble any more. A line in a log stays a reason."""
        if self.spec is None or self.trigger.kind == "log":
            return False
        return self.watched.state(self.spec.name).level != "trouble"


@record(frozen=True)
class LookAgain:
    """A trouble that was not acted on: does it last?"""

    trouble: Trouble


@record(frozen=True)
class NewProcesses:
    """A service answers again, or a run on it is over: its processes may be others than before."""

    watched: Watched
    after_run: bool = False


@record(frozen=True)
class AskNow:
    """Something happened to a server: its probes are asked before they are due."""

    watched: Watched


Message = Trouble | LookAgain | NewProcesses | AskNow
