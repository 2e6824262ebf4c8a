"""From a runbook's name to a run under way: read it, plan it, understand every line, then hand it to the runner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from watchdog.model.errors import NothingMatched
from watchdog.model.incident import Incident, RunResult, StepRecord
from watchdog.model.procedure import RunPlan
from watchdog.model.units import format_duration
from watchdog.runbook import document
from watchdog.runbook.plan import make_plan
from watchdog.runbook.run import Prepared, always, execute, nobody_watches, prepare
from watchdog.steps.spec import Context
from watchdog.system import clock

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
    given = dict(values or {})
    steps: Sequence[Prepared] = prepare(plan_of(name, context, given))
    context.in_runbook = True
    cut_off = _cut_off(context)
    if resume:
        steps = _rest(context, cut_off, steps, name)

    def load(other: str) -> RunPlan:
        return plan_of(other, context, {})

    result, _ = execute(steps, context, name, watch=watch, load=load, confirm=confirm)
    return result


def _cut_off(context: Context) -> tuple[Incident, ...]:
    """Earlier runs of this service whose process died: said, and not left open for ever."""
    if context.journal is None or context.playbook is None:
        return ()
    found = context.journal.unfinished(context.playbook.service)
    for incident in found:
        step = incident.steps[-1].text if incident.steps else "its first step"
        ago = format_duration(max(0.0, clock.now() - incident.opened))
        context.say(f"an earlier run was cut off: {incident.id} ({incident.runbook}, {ago} ago, at: {step})")
        context.journal.close(incident.id, "interrupted")
    return found


def _rest(context: Context, cut_off: Sequence[Incident], steps: Sequence[Prepared], name: str) -> Sequence[Prepared]:
    """What the run that was cut off did not come to, under its own incident."""
    earlier = next((incident for incident in cut_off if incident.runbook == name), None)
    if earlier is None or context.journal is None:
        raise NothingMatched(f"no run of {name} was cut off", todo="Run it without --resume.")
    context.journal.adopt(earlier.id)
    context.incident = earlier.id
    done = {record.text for record in earlier.steps if record.outcome in DONE}
    for record in earlier.steps:
        context.say(f"  done before: {record.text} ({record.outcome})")
    return [prepared for prepared in steps if prepared.call.text not in done]
