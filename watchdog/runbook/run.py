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
from typing import TYPE_CHECKING, Any

from watchdog.model.errors import WdError
from watchdog.model.exits import Exit
from watchdog.model.incident import Incident, RunOutcome, RunResult, StepRecord
from watchdog.model.probing import Sample
from watchdog.model.procedure import Block, RunPlan, StepCall
from watchdog.model.records import record
from watchdog.policy import lock_files, target_lock
from watchdog.runbook import outcome
from watchdog.runbook.downtime import downtime
from watchdog.steps.parse import parse_words
from watchdog.steps.registry import does
from watchdog.steps.spec import Context, StepOutcome, StepResult, StepSpec
from watchdog.system import clock
from watchdog.text.shown import joined
from watchdog.text.units import format_duration

if TYPE_CHECKING:
    from watchdog.journal.store import Journal

SHELL_STEP = "shell"
_LOOK_BACK = 86400.0  # seconds of answers in which the first failure is looked for
_MISSED, _WRITTEN = 3.0, 6.0  # intervals that may be missing, and seconds until the loop has written an answer down


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
    watch: Callable[[Prepared, StepRecord], None]  # told of each step as it begins and ends
    load: Callable[[str], RunPlan]  # a runbook by its name, for `on-fail=NAME`
    confirm: Callable[[Prepared], bool]  # `--step`
    pages: bool = True  # whether the report is also written for a person
    records: list[StepRecord] = field(default_factory=list)
    results: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # of the steps so far, for `when=`
    last: StepResult | None = None


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
    pages: bool = True,
) -> tuple[RunResult, StepResult | None]:
    """Run what was prepared; the second value is the last step's own result. `before`: what a run that was cut off did.
    Without `pages` the report is only its record, report.json.

    Refused before anything is touched if another wd works on the same server. Never raises for a
    step that fails. KeyboardInterrupt passes through after the incident was marked: an armed shim sees us go and
    finishes the stretch from kill to start.
    """
    run = Run(context, watch, load or _no_runbooks, confirm, pages, list(before))
    run.results.update({record.step: record.data for record in before if record.data})
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
    except KeyboardInterrupt:
        context.found.leave_alone()  # at once: the server must not wait for our report
        _close(run, incident, "interrupted")
        raise
    context.found.disarm()  # never told to start: it must not start a server that nobody asked for
    came_to = outcome.outcome_of(run.records, ended_by)
    closed = _close(run, incident, came_to)
    found = context.found.diagnosis
    findings = tuple(finding.record() for finding in found.findings) if found else ()
    message = outcome.in_words(run.records, ended_by)
    result = RunResult(
        closed.id if closed else None, came_to, tuple(run.records), findings, closed.report if closed else "", message
    )
    return result, run.last


def _no_runbooks(name: str) -> RunPlan:
    raise WdError(f"the runbook {name!r} cannot be loaded here")


def _walk(run: Run, steps: Sequence[Prepared]) -> StepRecord | None:
    """The failure that ended the run, or None."""
    for index, prepared in enumerate(steps):
        if prepared.block.when and not _holds(prepared.block.when, run.results):
            _note(run, prepared, "skipped", f"not needed: {prepared.block.when} does not hold")
            continue
        if not run.confirm(prepared):
            return _note(run, prepared, "refused", "a person said no")
        run.context.will_start = starts_later(steps, index + 1)
        record = _step(run, prepared)
        if run.context.found.over:
            return None
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


def _step(run: Run, prepared: Prepared) -> StepRecord:
    """One step, journalled before it begins and after it ended."""
    context, begun = run.context, clock.now()
    number = len(run.records) + 1
    record = StepRecord(
        number, prepared.spec.name, prepared.call.text, "running", begun, by_hand=_by_hand(prepared, context)
    )
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


def _note(run: Run, prepared: Prepared, came_to: str, message: str) -> StepRecord:
    """Record a step that was not run."""
    record = StepRecord(
        len(run.records) + 1, prepared.spec.name, prepared.call.text, came_to, clock.now(), 0.0, message
    )
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


def _close(run: Run, incident: Incident | None, came_to: RunOutcome) -> Incident | None:
    """Write down how it ended, then the report, which is made of what was written down."""
    context = run.context
    if incident is None or context.journal is None:
        return None
    found = context.found
    down = downtime(incident, run.records, _health_before(context, incident), found.evidence, clock.now())
    fields: dict[str, Any] = {
        "downtime": down.seconds,
        "down_since": down.since,
        "downtime_from": down.source or "",
        "downtime_exact": down.exact,
        **outcome.known_from(run.records),
    }
    if found.diagnosis:
        fields |= {
            "cause": found.diagnosis.verdict,
            "signature": found.diagnosis.signature,
            "request": found.diagnosis.request,
            "finding": found.diagnosis.findings[0].record() if found.diagnosis.findings else None,
        }
    fields["changed"] = _changed(run, incident, came_to)
    context.journal.close(incident.id, came_to, **fields)
    _write_report(run, context.journal, incident.id)
    return context.journal.incident(incident.id)


def _changed(run: Run, incident: Incident, came_to: RunOutcome) -> str:
    """What has changed in the program since it last started well; only where that was the question."""
    context = run.context
    starts = any(does(record.step, "starts") for record in run.records)
    if context.journal is None or context.playbook is None or context.dry_run or not (starts or incident.gave_up):
        return ""
    from watchdog.starting import last_good  # here: a kill hashes nothing

    started = context.found.started
    well = started is not None and started.ready and not started.by_fallback and came_to in ("recovered", "done")
    told = last_good.compare(context.journal, context.playbook, started_well=well)
    if told and came_to == "failed":
        context.say(f"changed {told}")
    return told


def _health_before(context: Context, incident: Incident) -> tuple[Sample, ...]:
    """The answers to the probe that tells health, where somebody has asked it until the run began."""
    if context.playbook is None or context.journal is None or incident.service is None:
        return ()
    from watchdog.probes import registry  # here: a kill without a playbook knows no probe

    spec = registry.best_for_health(context.playbook.probes)
    if spec is None:
        return ()
    found = context.journal.samples(incident.service, spec.name, incident.opened - _LOOK_BACK, incident.opened)
    fresh = found and incident.opened - found[-1].at <= _MISSED * spec.every + spec.timeout + _WRITTEN
    return found if fresh else ()


def _write_report(run: Run, journal: Journal, incident: str) -> None:
    from watchdog.report import write as report
    from watchdog.steps.report import samples_before

    try:
        written = journal.incident(incident)
        path = report.write(written, run.context.folder, samples_before(journal, written), pages=run.pages)
        journal.update(incident, report=str(path))
    except (OSError, WdError) as error:
        run.context.say(f"the report could not be written: {error}")


def _let_go(context: Context) -> None:
    """A shim that was armed and never told to start must not start a server that nobody asked for."""
    shim = context.found.shim
    if shim is not None and context.found.started is None:
        shim.cancel()
