"""From a runbook's name to a run under way: read it, plan it, understand every line, then hand it to the runner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from watchdog.model.errors import NothingMatched
from watchdog.model.incident import Incident, RunResult, StepRecord
from watchdog.model.procedure import RunPlan
from watchdog.runbook import document
from watchdog.runbook.plan import make_plan
from watchdog.runbook.run import Prepared, always, execute, nobody_watches, prepare
from watchdog.steps.spec import Context
from watchdog.system import clock
from watchdog.text.redact import redact
from watchdog.text.units import format_duration

DONE = frozenset({"ok", "warning", "nothing", "skipped"})


def plan_of(name: str, context: Context, values: Mapping[str, str | int | float]) -> RunPlan:
    """The plan of a runbook of the home, or of the shipped ones. BadConfig with every mistake of the document."""
    service = context.playbook.service if context.playbook else None
    return make_plan(document.find(name, context.home), values, service)


def begin(
    name: str,
    context: Context,
    values: Mapping[str, str | int | float] | None = None,
    *,
    resume: bool = False,
    watch: Callable[[Prepared, StepRecord], None] = nobody_watches,
    confirm: Callable[[Prepared], bool] = always,
) -> RunResult:
    """Run a whole runbook. Nothing has been touched yet if this raises."""
    steps: Sequence[Prepared] = prepare(plan_of(name, context, dict(values or {})))
    context.in_runbook = True
    before: Sequence[StepRecord] = ()
    everything = steps
    if resume:
        steps, before = _rest(context, steps, name)
    begun = tuple(prepared for prepared in everything if prepared not in steps)
    _say_what_was_cut_off(context)

    def load(other: str) -> RunPlan:
        return plan_of(other, context, {})

    result, _ = execute(steps, context, name, watch=watch, load=load, confirm=confirm, before=before, begun=begun)
    return result


def _cut_off(context: Context) -> tuple[Incident, ...]:
    if context.journal is None or context.playbook is None:
        return ()
    return context.journal.unfinished(context.playbook.service)


def _say_what_was_cut_off(context: Context) -> None:
    """Earlier runs of this service whose process died: said, and not left open for ever."""
    for incident in _cut_off(context):
        context.say(f"an earlier run was cut off: {_in_words(incident)}")
        if context.journal is not None:
            context.journal.close(incident.id, "interrupted")


def _in_words(incident: Incident) -> str:
    step = incident.steps[-1].text if incident.steps else "its first step"
    ago = format_duration(max(0.0, clock.now() - incident.opened))
    return f"{incident.id} ({incident.runbook}, {ago} ago, at: {step})"


def _rest(context: Context, steps: Sequence[Prepared], name: str) -> tuple[Sequence[Prepared], tuple[StepRecord, ...]]:
    """What the run that was cut off did not come to, under its own incident; and what it had done."""
    found = _cut_off(context)
    earlier = next((incident for incident in reversed(found) if incident.runbook == name), None)
    if earlier is None or context.journal is None:
        others = "; ".join(_in_words(incident) for incident in found)
        why = f"cut off was: {others}" if others else ""
        raise NothingMatched(f"no run of {name} was cut off", why, "Run it without --resume.")
    context.journal.adopt(earlier.id)
    context.incident = earlier.id
    context.say(f"going on with the run that was cut off: {_in_words(earlier)}")
    done = [record.text for record in earlier.steps if record.outcome in DONE]
    for record in earlier.steps:
        context.say(f"  done before: {record.text} ({record.outcome})")
    left: list[Prepared] = []
    for prepared in steps:
        if not prepared.block.rollback and (text := redact(prepared.call.text)) in done:  # the journal keeps no secret
            done.remove(text)  # the same line may stand in a runbook twice
        else:
            left.append(prepared)
    return left, earlier.steps
