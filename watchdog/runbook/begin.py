"""From a runbook's name to a run under way: read it, plan it, understand every line, then hand it to the runner."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from watchdog.model.incident import RunResult, StepRecord
from watchdog.model.procedure import RunPlan
from watchdog.runbook import document
from watchdog.runbook.plan import make_plan
from watchdog.runbook.run import Prepared, always, execute, nobody_watches, prepare
from watchdog.steps.spec import Context


def plan_of(name: str, context: Context, values: Mapping[str, str | int | float]) -> RunPlan:
    """The plan of a runbook of the home, or of the shipped ones. BadConfig with every mistake of the document."""
    service = context.playbook.service if context.playbook else None
    return make_plan(document.find(name, context.home), values, service)


def begin(
    name: str,
    context: Context,
    values: Mapping[str, str | int | float] | None = None,
    *,
    watch: Callable[[Prepared, StepRecord], None] = nobody_watches,
    confirm: Callable[[Prepared], bool] = always,
) -> RunResult:
    """Run a whole runbook. Nothing has been touched yet if this raises."""
    given = dict(values or {})
    steps = prepare(plan_of(name, context, given))
    context.in_runbook = True

    def load(other: str) -> RunPlan:
        return plan_of(other, context, {})

    result, _ = execute(steps, context, name, watch=watch, load=load, confirm=confirm)
    return result
