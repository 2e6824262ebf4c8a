"""A person is called: the evidence, the cause and a report first, and nothing is done to the server."""

from __future__ import annotations

from watchdog.model.incident import RunResult, StepRecord, Trigger
from watchdog.model.procedure import Block, RunPlan, StepCall
from watchdog.runbook.run import Prepared, execute, prepare
from watchdog.steps.spec import Context
from watchdog.watch import log
from watchdog.watch.loop_state import LoopState
from watchdog.watch.watched import Watched

_LAST_STEPS = (("snapshot", "--within", "5s"), ("why", "--within", "5s"), ("report",))


def call_a_person(state: LoopState, watched: Watched, cause: Trigger, message: str, name: str) -> RunResult:
    """One report with the cause, and one call. `name` stands in the place of a runbook."""
    words = [*_LAST_STEPS, ("notify", f"{watched.name}: {message}")]
    block = Block("wd", tuple((0, " ".join(line)) for line in words), timeout=30.0, on_fail="continue")
    plan = RunPlan(None, tuple(StepCall(line, 0, 0) for line in words), (block,), watched.name)
    context = state.context(watched, cause)
    context.in_runbook = True
    with Told(state, watched, context) as told:
        result, _ = execute(prepare(plan), context, name, watch=told.step)
    return result


class Told:
    """What a run says goes into the log, and from its first step on into its own file."""

    def __init__(self, state: LoopState, watched: Watched, context: Context) -> None:
        self._state, self._watched, self._context = state, watched, context
        self._file: log.RunFile | None = None
        context.say = self.say

    def __enter__(self) -> Told:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def say(self, text: str) -> None:
        if self._file is None and self._context.incident:
            self._file = log.RunFile(self._context.folder, self._context.incident)
        self._state.say(self._watched.name, text, incident=self._context.incident or "")

    def step(self, prepared: Prepared, record: StepRecord) -> None:
        if record.outcome != "running":
            self.say(f"{record.text}: {record.outcome} in {record.seconds:.2f} s: {record.message}")
