"""The one runner: every run, of a person or of the loop, a whole runbook or one command, goes through here.

It knows no step by name. It journals before and after each step, so that a `kill -9` at any moment leaves a record that
says how far it came; it asks what a block says about time and failure; and at the end it closes the incident and writes
the report.
"""

from __future__ import annotations

import contextvars
import shlex
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from watchdog.model.errors import WdError
from watchdog.model.exits import Exit
from watchdog.model.incident import ROLLBACK, Incident, RunResult, StepRecord
from watchdog.model.procedure import Block, RunPlan, StepCall
from watchdog.model.records import record
from watchdog.policy import lock_files, target_lock
from watchdog.runbook import outcome
from watchdog.runbook.closing import close
from watchdog.steps.parse import parse_words
from watchdog.steps.spec import Context, StepOutcome, StepResult, StepSpec
from watchdog.system import clock
from watchdog.text.shown import joined
from watchdog.text.units import counted, format_duration

SHELL_STEP = "shell"


@record(frozen=True)
class Prepared:
    """A call whose words were understood: what will run, with which values."""

    call: StepCall
    block: Block
    spec: StepSpec
    options: Mapping[str, Any]


@record
class Run:
    """A run under way."""

    context: Context
    name: str  # of the runbook, or of the one command
    watch: Callable[[Prepared, StepRecord], None]  # told of each step as it begins and ends
    load: Callable[[str], RunPlan]  # a runbook by its name, for `on-fail=NAME`
    confirm: Callable[[Prepared], bool]  # `--step`
    pages: bool = True  # whether the report is also written for a person
    records: list[StepRecord] = field(default_factory=list)
    results: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # of the steps so far, for `when=`
    last: StepResult | None = None
    undo: list[tuple[Prepared, ...]] = field(default_factory=list)  # the rollback of each block that was begun
    allowed: set[Block] = field(default_factory=set)  # by people


def starts_later(steps: Sequence[Prepared], index: int) -> bool:
    """Whether the service is started again from this place on: then the shim must be at its post before a kill."""
    return any(later.spec.effects == ("starts",) for later in steps[index:])


def nobody_watches(prepared: Prepared, record: StepRecord) -> None:
    """The watcher of a run without a terminal."""


def always(prepared: Prepared) -> bool:
    """The confirmation of a run that does not go step by step."""
    return True


def prepare(plan: RunPlan) -> tuple[Prepared, ...]:
    """Understand every line before the first one runs: a mistake in the last line must not leave a server killed."""
    found = []
    for call in plan.calls:
        spec, options = _shell_call(call, plan.blocks[call.block]) if call.language != "wd" else parse_words(call.words)
        spec.function()  # a step that cannot even be imported must be told now, not after the kill
        found.append(Prepared(call, plan.blocks[call.block], spec, options))
    return tuple(found)


def _shell_call(call: StepCall, block: Block) -> tuple[StepSpec, dict[str, Any]]:
    spec = StepSpec(SHELL_STEP, "a command of an ordinary procedure", "watchdog.steps.shell:shell", changes=True)
    values = {"language": call.language, "script": call.text, "environment": call.environment, "timeout": block.timeout}
    return spec, values


def execute(
    steps: Sequence[Prepared],
    context: Context,
    name: str,
    *,
    watch: Callable[[Prepared, StepRecord], None] = nobody_watches,
    load: Callable[[str], RunPlan] | None = None,
    confirm: Callable[[Prepared], bool] = always,
    before: Sequence[StepRecord] = (),
    begun: Sequence[Prepared] = (),
    pages: bool = True,
) -> tuple[RunResult, StepResult | None]:
    """Run what was prepared; the second value is the last step's own result. `before`: what a run that was cut off did,
    and `begun` the steps that this was.
    Without `pages` the report is only its record, report.json.

    Refused before anything is touched if another wd works on the same server. Never raises for a
    step that fails. KeyboardInterrupt passes through after the incident was marked: an armed shim sees us go and
    finishes the stretch from kill to start.
    """
    run = Run(context, name, watch, load or _no_runbooks, confirm, pages, list(before))
    run.results.update({record.step: record.data for record in before if record.data})
    for prepared in begun:
        _remember_rollback(run, prepared, steps)
    changing = any(prepared.spec.changes for prepared in steps) and not context.dry_run
    mine = target_lock.keys((), context.playbook) if changing else ()
    wait = 0.0 if context.in_runbook else max((prepared.spec.waits for prepared in steps), default=0.0)
    _say_who_is_first(context, mine, wait)
    with target_lock.acquire(mine, f"run {name}" if context.in_runbook else name, context.playbook, wait):
        return _run(run, steps, name)


def _say_who_is_first(context: Context, keys: Sequence[str], wait: float) -> None:
    """A person sees at once for whom a command waits."""
    for first in filter(None, map(lock_files.holder, keys)) if wait else ():
        context.say(f"waiting up to {format_duration(wait)} for {first}")


def _run(run: Run, steps: Sequence[Prepared], name: str) -> tuple[RunResult, StepResult | None]:
    context = run.context
    incident = _open(run, name)
    try:
        ended_by = _walk(run, steps)
        rolled_back = _roll_back(run) if ended_by is not None else 0
    except KeyboardInterrupt:
        context.found.leave_alone()  # at once: the server must not wait for our report
        close(context, run.records, incident, "interrupted", pages=run.pages)
        raise
    context.found.disarm()  # never told to start: it must not start a server that nobody asked for
    came_to = outcome.outcome_of(run.records, ended_by)
    closed = close(context, run.records, incident, came_to, pages=run.pages)
    found = context.found.diagnosis
    findings = tuple(finding.record() for finding in found.findings) if found else ()
    message = outcome.in_words(run.records, ended_by)
    if rolled_back:
        message = f"{message}; rolled back: {counted(rolled_back, 'block')}"
    result = RunResult(
        closed.id if closed else None, came_to, tuple(run.records), findings, closed.report if closed else "", message
    )
    return result, run.last


def _no_runbooks(name: str) -> RunPlan:
    raise WdError(f"the runbook {name!r} cannot be loaded here")


def _walk(run: Run, steps: Sequence[Prepared]) -> StepRecord | None:
    """The failure that ended the run, or None."""
    everything, steps = steps, forward(steps)
    for index, prepared in enumerate(steps):
        if prepared.block.when and not _holds(prepared.block.when, run.results):
            _note(run, prepared, "skipped", f"not needed: {prepared.block.when} does not hold")
            continue
        if not run.confirm(prepared):
            return _note(run, prepared, "refused", "a person said no")
        if (refusal := _asked(run, prepared, steps)) is not None:
            return refusal
        run.context.will_start = starts_later(steps, index + 1)
        record = _step(run, prepared)
        if run.context.found.over:
            return None
        if record.outcome in ("ok", "warning"):
            _remember_rollback(run, prepared, everything)
        if record.outcome not in outcome.FAILURES or prepared.block.on_fail == "continue":
            continue
        if prepared.block.on_fail == "escalate" and "force" in prepared.options and record.outcome == "failed":
            harder = replace(prepared, options={**prepared.options, "force": True})
            record = _step(run, harder)
            if record.outcome not in outcome.FAILURES:
                continue
        if prepared.block.on_fail not in ("stop", "escalate"):
            return _other_remedy(run, prepared, record)
        return record
    return None


def _holds(when: str, results: Mapping[str, Mapping[str, Any]]) -> bool:
    from watchdog.runbook import condition

    return condition.holds(when, results)


def _other_remedy(run: Run, prepared: Prepared, failed: StepRecord) -> StepRecord | None:
    """Go on with the runbook that `on-fail=` names. The failure stands unless that one proves that it helped."""
    run.context.say(f"{prepared.call.text} did not help; going on with the runbook {prepared.block.on_fail}")
    before = len(run.records)
    ended_by = _walk(run, prepare(run.load(prepared.block.on_fail)))
    helped = run.context.found.over or outcome.proven(run.records[before:])
    return ended_by or (None if helped else failed)


def forward(steps: Sequence[Prepared]) -> tuple[Prepared, ...]:
    """What runs where nothing fails: all but the rollback blocks."""
    return tuple(prepared for prepared in steps if not prepared.block.rollback)


def _asked(run: Run, prepared: Prepared, steps: Sequence[Prepared]) -> StepRecord | None:
    """The refusal, where people do not allow the block; they are asked once for each."""
    block = prepared.block
    if not (block.confirm or block.approve) or block in run.allowed:
        return None
    from watchdog.runbook import approving  # here: few runbooks ask

    incident = (
        run.context.journal.incident(run.context.incident) if run.context.journal and run.context.incident else None
    )
    found = approving.ask(run.context, block, [text for _, text in block.lines], incident.runbook if incident else "")
    if not found.yes:
        return _note(run, prepared, "refused", found.why)
    run.allowed.add(block)
    _note(run, prepared, "ok", found.why, approving.STEP)
    return None


def _remember_rollback(run: Run, prepared: Prepared, steps: Sequence[Prepared]) -> None:
    """A step of this block was done: what undoes it is the rollback block right behind it."""
    later = [one for one in steps if one.call.block == prepared.call.block + 1 and one.block.rollback]
    if later and tuple(later) not in run.undo:
        run.undo.append(tuple(later))


def _roll_back(run: Run) -> int:
    """Undo what was begun, the last block first; what fails there keeps nothing else from being undone."""
    for steps in reversed(run.undo):
        run.context.say(f"rolling back: {'; '.join(prepared.call.text for prepared in steps)}")
        for index, prepared in enumerate(steps):
            run.context.will_start = starts_later(steps, index + 1)
            if prepared.block.when and not _holds(prepared.block.when, run.results):
                _note(run, prepared, "skipped", f"not needed: {prepared.block.when} does not hold")
            else:
                _step(run, replace(prepared, call=replace(prepared.call, undoes=True)))
    return len(run.undo)


def _step(run: Run, prepared: Prepared) -> StepRecord:
    """One step, journalled before it begins and after it ended."""
    context, begun = run.context, clock.now()
    number = len(run.records) + 1
    text = f"{ROLLBACK}{prepared.call.text}" if prepared.call.undoes else prepared.call.text
    record = StepRecord(number, prepared.spec.name, text, "running", begun, by_hand=_by_hand(prepared, context))
    if context.journal and context.incident:
        context.journal.begin_step(context.incident, number, record.step, record.text, record.by_hand)
    run.watch(prepared, record)
    tick = clock.monotonic()
    result = _bounded(prepared, context)
    data = dict(result.data)
    record = replace(
        record, outcome=result.outcome, seconds=clock.monotonic() - tick, message=result.message, data=data
    )
    if context.journal and context.incident:
        context.journal.end_step(
            context.incident, number, record.outcome, record.message, data=data, seconds=record.seconds
        )
    run.records.append(record)
    run.results[prepared.spec.name] = data
    run.last = result
    run.watch(prepared, record)
    return record


def _by_hand(prepared: Prepared, context: Context) -> str:
    """What a person types to do the same; empty for a step that is of no use alone."""
    spec = prepared.spec
    if prepared.call.language != "wd" or not (spec.targets or spec.service or spec.changes):
        return ""
    home = ("--home", context.trigger.home) if context.trigger.home else ()
    takes_service = context.playbook is not None and (spec.targets or spec.service)
    service = ("--service", context.playbook.service) if context.playbook and takes_service else ()
    return shlex.join(("wd", *home, *prepared.call.words, *service))


def _note(run: Run, prepared: Prepared, came_to: str, message: str, step: str = "") -> StepRecord:
    """Record a step that was not run, or what people said before it."""
    text = f"{step}: {prepared.call.text}" if step else prepared.call.text
    record = StepRecord(len(run.records) + 1, step or prepared.spec.name, text, came_to, clock.now(), 0.0, message)
    context = run.context
    if context.journal and context.incident:
        context.journal.begin_step(context.incident, record.number, record.step, record.text)
        context.journal.end_step(context.incident, record.number, came_to, message, data=None, seconds=0.0)
    run.records.append(record)
    run.watch(prepared, record)
    return record


def _bounded(prepared: Prepared, context: Context) -> StepResult:
    """Call the step's function; a block's timeout holds even if the step itself hangs.

    A step cannot be ended from outside while it is in Python, so it runs in a thread that can be left behind; every
    step also sees the deadline and should be done by then.
    """
    limit = prepared.block.timeout
    if limit is None:
        if context.in_runbook:  # a command typed alone keeps what the person has given it
            context.deadline = None
        return _call(prepared, context)
    context.deadline = clock.monotonic() + limit
    answer: list[StepResult] = []
    same = contextvars.copy_context()  # the thread works under the locks that this run holds
    thread = threading.Thread(target=lambda: answer.append(same.run(_call, prepared, context)), daemon=True)
    thread.start()
    thread.join(limit + 1.0)
    if answer:
        return answer[0]
    return StepResult("failed", f"no end within {limit:g} s; left behind")


def _call(prepared: Prepared, context: Context) -> StepResult:
    try:
        return prepared.spec.function()(context, prepared.options)
    except WdError as error:
        came_to: dict[Exit, StepOutcome] = {Exit.REFUSED: "refused", Exit.NOTHING: "nothing", Exit.CRITICAL: "failed"}
        named = came_to.get(error.code, "unknown")
        data = {"outcome": named, "message": error.what, "why": error.why, "error": error.record()}
        return StepResult(named, error.what, data, exit=error.code, text=joined(error.lines()))
    except Exception as error:  # noqa: BLE001 - a broken step is a failed step: the run goes on to say so
        told = f"{type(error).__name__}: {error}"
        return StepResult("failed", told, {"outcome": "failed", "message": told})


def _open(run: Run, name: str) -> Incident | None:
    context = run.context
    if context.journal is None or context.dry_run:
        return None
    if context.incident is not None:  # a run that was cut off is finished
        incident = context.journal.incident(context.incident)
        context.folder = context.folder.__class__(incident.folder)
        return incident
    service = context.playbook.service if context.playbook else None
    incident = context.journal.open_incident(service, name, context.trigger, folder=context.folder)
    context.incident = incident.id
    context.folder = context.folder.__class__(incident.folder)
    return incident
