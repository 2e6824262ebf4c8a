"""What a run on many hosts came to: one table, one report, one line of JSON. Pure but for the two files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from watchdog.fleet import table
from watchdog.fleet.ledger import Ledger
from watchdog.fleet.plan import lost
from watchdog.fleet.records import HostRun, Line, Plan
from watchdog.model.exits import Exit, exit_of
from watchdog.steps.spec import StepResult
from watchdog.text.redact import redact_data
from watchdog.text.shown import joined, shown
from watchdog.text.units import counted, format_duration, iso

_STAGES = ("ok", "failed", "unreachable", "silent", "begun", "waiting")


def result(plan: Plan, ledger: Ledger, stopped: str, resume: str) -> StepResult:
    """Writes the report and says what came of it all."""
    runs = [ledger.runs[name] for name in plan.hosts]
    lines = [_line(run) for run in runs]
    waiting = [run.host for run in runs if run.stage == "waiting"]
    fine = not waiting and not lost(runs)
    message = _message(runs, stopped)
    rows = tuple({**asdict(run), "files": len(run.files)} for run in _worst_first(runs))
    facts = {
        "run": plan.id, "runbook": plan.runbook, "begun": iso(plan.made), "stopped": stopped, "hosts": len(runs),
        "not_begun": waiting, "groups": table.groups(lines),
    }  # fmt: skip
    report = ledger.write_report(_report(plan, runs, lines, message), redact_data({**facts, "runs": _full(runs)}))
    told = [table.text(lines, len(runs), {}, message), f"report: {report}"]
    if not fine:
        told.append(f"to go on: {resume}")
    return StepResult(
        "ok" if fine else "failed",
        message,
        {**facts, "report": str(report)},
        rows=rows,
        exit=Exit.FINE if fine else Exit.CRITICAL,
        text="\n".join(told),
    )


def _message(runs: Sequence[HostRun], stopped: str) -> str:
    counts = {stage: sum(run.stage == stage and not run.same_as for run in runs) for stage in _STAGES}
    told = [f"{counts['ok']} of {counted(sum(not run.same_as for run in runs), 'host')} ok"]
    told += [f"{counts[stage]} {stage}" for stage in ("failed", "unreachable", "silent") if counts[stage]]
    told += [f"{counts['waiting']} not begun"] if counts["waiting"] else []
    return ", ".join(told) + (f". Stopped: {stopped}" if stopped else "")


def _line(run: HostRun) -> Line:
    state = "not-begun" if run.stage == "waiting" else run.outcome or run.stage
    text = f"the same host as {run.same_as}" if run.same_as else run.text
    late = "late: " if run.late else ""
    rank = Exit.FINE if run.same_as else exit_of(run.stage)
    return Line(run.host, state, rank, "-", f"{late}{text}", run.cause)


def _worst_first(runs: Sequence[HostRun]) -> list[HostRun]:
    order = [line.host for line in table.worst_first([_line(run) for run in runs])]
    return sorted(runs, key=lambda run: order.index(run.host))


def _full(runs: Sequence[HostRun]) -> list[dict[str, Any]]:
    return [{**asdict(run), "files": [dict(one) for one in run.files]} for run in _worst_first(runs)]


def _report(plan: Plan, runs: Sequence[HostRun], lines: Sequence[Line], message: str) -> str:
    """Markdown: what came of it, what hosts have in common, each host with its files."""
    told = [
        f"# {plan.runbook} on {counted(len(runs), 'host')}",
        "",
        message,
        "",
        f"Run {plan.id}, {iso(plan.made)}.",
        "",
    ]
    for one in table.groups(lines):
        told.append(f"- {one['count']} of {counted(len(runs), 'host')}: {one['cause']} ({', '.join(one['hosts'])})")
    for run in _worst_first(runs):
        line = _line(run)
        told += ["", f"## {run.host}: {line.state}", "", line.text or "-"]
        if run.incident:
            told.append(f"Incident {run.incident}, {format_duration(run.seconds)}.")
        if run.missing:
            told.append(f"Its files are missing: {run.missing}")
        told += [""] if run.files else []
        told += [f"- {one['path']}  {one['error'] or one['sha256']}" for one in run.files]
    return joined(shown(line) for line in told) + "\n"
