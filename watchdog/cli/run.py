"""`wd run`: a runbook on a terminal, with each step's state as it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from watchdog.cli import session
from watchdog.model.errors import WrongUsage
from watchdog.model.exits import Exit
from watchdog.model.incident import RunResult, StepRecord
from watchdog.model.procedure import Block
from watchdog.runbook import outcome
from watchdog.runbook.approving import people
from watchdog.runbook.begin import begin, plan_of
from watchdog.runbook.run import Prepared, forward, prepare, starts_later
from watchdog.steps.spec import Context, StepOutcome, StepResult
from watchdog.text.shown import joined
from watchdog.text.units import format_duration

MARKS = {"ok": "✓", "warning": "!", "failed": "✗", "refused": "⊘", "nothing": "–", "skipped": "–", "planned": "·"}
_SHOWN = 20  # lines of what a command printed


def run(context: Context, options: Mapping[str, Any]) -> StepResult:
    """The whole procedure. `--dry-run` prints the very plan that would run."""
    name = options.get("runbook")
    if not name:
        raise WrongUsage("no runbook was named", todo="`wd runbooks list` shows them. Then: `wd run NAME --service S`")
    values = parameters(options.get("set") or ())
    context.selector = replace(context.selector, hung=False)
    if context.dry_run:
        return _plan(name, context, values)
    session.begin_changing(context)
    watch, confirm = _progress(context), _confirmation(context, options)
    result = begin(name, context, values, resume=bool(options.get("resume")), watch=watch, confirm=confirm)
    return shown(result, context.trigger.home)


def parameters(pairs: Sequence[str]) -> dict[str, str]:
    """WrongUsage for a pair without "="."""
    found = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise WrongUsage(f"--set {pair!r} has no value", todo="Write --set NAME=VALUE.")
        found[key.strip()] = value
    return found


def shown(result: RunResult, home: str = "") -> StepResult:
    """`home`: as the person named it, so that the printed command finds the incident again."""
    code = outcome.exit_code(result.outcome)
    lines = [f"{result.outcome}: {result.message}"]
    if result.incident:
        lines.append(f"incident: {result.incident}")
    if result.report:
        lines += [f"report:   {result.report}", f"page:     {session.page_command(result.incident, home)}"]
    came_to: StepOutcome = "ok" if code == 0 else "failed"
    rows = tuple(step.record() for step in result.steps)
    return StepResult(came_to, lines[0], result.record(), rows=rows, exit=code, text=joined(lines))


def _plan(name: str, context: Context, values: Mapping[str, str]) -> StepResult:
    """Every step as it would run; a kill also says who would end, and what would be refused is said now."""
    plan = plan_of(name, context, values)
    steps = prepare(plan)
    lines, records, refusals = [f"plan of {name}:"], list[StepRecord](), list[str]()
    context.in_runbook = True
    for number, prepared in enumerate(forward(steps), 1):
        note = ""
        context.will_start = starts_later(forward(steps), number)
        if prepared.spec.effects == ("ends",):
            came_to = prepared.spec.function()(context, prepared.options)
            note = came_to.text or came_to.message
            if came_to.outcome == "refused" and prepared.block.on_fail != "continue":
                refusals.append(came_to.message)
        limit = f"  [at most {format_duration(prepared.block.timeout)}]" if prepared.block.timeout else ""
        when = f"  [only when {prepared.block.when}]" if prepared.block.when else ""
        asks = _asks(prepared.block)
        lines.append(f"  {number}. {prepared.call.text}{limit}{when}{asks}  on failure: {prepared.block.on_fail}")
        lines += [f"       {line}" for line in note.splitlines()]
        records.append(StepRecord(number, prepared.spec.name, prepared.call.text, "planned", 0.0, message=note))
    lines += [f"  after a failure, to undo it: {one.call.text}" for one in steps if one.block.rollback]
    if refusals:
        lines += [f"refused: {refusal}" for refusal in refusals]
        result = RunResult(None, "refused", tuple(records), message=refusals[0])
        return StepResult("refused", refusals[0], result.record(), exit=Exit.REFUSED, text=joined(lines))
    result = RunResult(None, "planned", tuple(records), message=f"{len(records)} steps")
    return StepResult("planned", result.message, result.record(), text=joined(lines))


def _asks(block: Block) -> str:
    if block.approve:
        return f"  [{people(block.approve)} must allow it]"
    return "  [asks first]" if block.confirm else ""


def _progress(context: Context) -> Callable[[Prepared, StepRecord], None]:
    """The document with each step's state, as lines on standard error."""
    heading = ""

    def watch(prepared: Prepared, record: StepRecord) -> None:
        nonlocal heading
        if prepared.block.heading != heading:
            heading = prepared.block.heading
            context.say("")
            context.say(heading)
        if record.outcome == "running":
            context.say(f"  … {record.text}")
            return
        took = format_duration(record.seconds) if record.seconds else ""
        context.say(f"  {MARKS.get(record.outcome, '?')} {record.text}  {took}  {record.message}".rstrip())
        for line in str((record.data or {}).get("output") or "").rstrip().splitlines()[-_SHOWN:]:
            context.say(f"    | {line}")

    return watch


def _confirmation(context: Context, options: Mapping[str, Any]) -> Callable[[Prepared], bool]:
    """With --step: one question a block."""
    asked: dict[int, bool] = {}

    def confirm(prepared: Prepared) -> bool:
        if not options.get("step"):
            return True
        if prepared.call.block not in asked:
            lines = "; ".join(text for _, text in prepared.block.lines)
            asked[prepared.call.block] = context.ask(f"Run: {lines} ?")
        return asked[prepared.call.block]

    return confirm
