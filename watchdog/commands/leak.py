"""`wd leak call` and `wd leak watch`: does a function leak; does a live server, and through what?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from watchdog.leak.call import CallReport, call, find_python, read_report
from watchdog.leak.chart import chart
from watchdog.leak.verdict import compare
from watchdog.leak.watch import WatchReport, watch
from watchdog.model.errors import WrongUsage
from watchdog.steps.spec import Context, StepOutcome, StepResult
from watchdog.system.disk import files
from watchdog.targets import resolve
from watchdog.targets.unseen import nothing_matched
from watchdog.text.redact import redact
from watchdog.text.shown import joined
from watchdog.text.units import format_duration, format_size

_OUTCOMES: dict[str, StepOutcome] = {"leak": "failed", "sound": "ok", "unsure": "warning"}
_TYPES = 5  # that are shown for each round


def leak_call(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Run a function 1, 10, 100, 1,000 times in the project's interpreter and count what stays."""
    folder = Path(options.get("cwd") or ".").resolve()
    python = find_python(options.get("python"), folder)
    earlier = read_report(Path(options["compare"])) if options.get("compare") else ()
    context.say(f"running {options['function']} with {python} in {folder} …")
    picture = Path(options["picture"]).resolve() if options.get("picture") else None
    within = float(options.get("within") or 60.0)
    rounds = _rounds(str(options.get("calls") or "1,10,100,1000"))
    report = call(options["function"], python=python, folder=folder, rounds=rounds, within=within, picture=picture)
    compared = compare(earlier, report.rounds)
    if options.get("save"):
        files.write_atomic(Path(options["save"]), json.dumps(report.record(), indent=1) + "\n")
    message = f"{report.function}: {report.verdict.answer}; {report.verdict.rule}"
    data = {**report.record(), "compared": list(compared)}
    return StepResult(_OUTCOMES[report.verdict.answer], message, data, text=redact(_call_text(report, compared)))


def leak_watch(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Follow a live server for a while: the curve, the time to the limit, and what grows, by type and by variable."""
    trees = resolve.resolve(context.selector, context.playbook)
    if not trees:
        raise nothing_matched(context.selector)
    if len(trees) > 1:
        named = ", ".join(str(tree.root.pid) for tree in trees)
        raise WrongUsage(f"{len(trees)} servers match", f"the roots are {named}", "name one: --pid or --port")
    seconds, every = float(options.get("for") or 60.0), max(0.05, float(options.get("every") or 1.0))
    report = watch(trees[0], seconds, every, context.say)
    leaks = report.curve.leaks
    outcome: StepOutcome = "failed" if leaks else "unknown" if report.curve.kind == "unknown" else "ok"
    if report.curve.kind == "step":
        outcome = "warning"
    return StepResult(outcome, report.curve.words, report.record(), text=redact(_watch_text(report)))


def _rounds(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and 0 < int(part) <= 1_000_000 for part in parts):
        raise WrongUsage(f"{text!r} are not numbers of calls", todo="write them like 1,10,100")
    return [int(part) for part in parts]


def _call_text(report: CallReport, compared: tuple[str, ...]) -> str:
    lines = [f"{report.function} on Python {report.python}: {report.verdict.answer}", f"  {report.verdict.rule}", ""]
    lines.append(f"{'calls':>9} {'objects':>10} {'per call':>10} {'memory':>12} {'time':>9}  what grew")
    for one in report.rounds:
        grew = ", ".join(f"{name} {count:+d}" for name, count in one.types[:_TYPES])
        lines.append(
            f"{one.calls:>9} {one.objects:>+10} {one.per_call:>10.2f} {format_size(one.bytes):>12} "
            f"{format_duration(one.seconds):>9}  {grew}"
        )
    last = report.rounds[-1]
    if report.verdict.answer == "leak" and last.lines:
        lines += ["", "what stays was made at"]
        lines += [
            f"  {file}:{line}  {count} objects, {format_size(size)}" for file, line, count, size in last.lines[:_TYPES]
        ]
    if report.chain:
        lines += ["", "one of them is kept by", "  " + " -> ".join(report.chain)]
    if report.picture:
        lines.append(f"picture: {report.picture}")
    lines += ["", *compared] if compared else []
    lines += ["", f"note: {report.note}"] if report.note else []
    return joined(lines)


def _watch_text(report: WatchReport) -> str:
    lines = [report.curve.words, "", *chart(report.series).split("\n")]
    if report.left is not None:
        lines.append(
            f"the limit of {format_size(report.limit)} is reached in {format_duration(report.left)}, at this pace"
        )
    if report.types:
        lines += ["", f"objects of process {report.inside} that became more"]
        lines += [f"  {one.more:>+9}  {one.type} ({one.before} to {one.after})" for one in report.types]
    if report.holding is not None:
        lines += ["", report.holding.words]
        culprit = report.holding.culprit
        if culprit is not None:
            lines.append(f"  filled at {culprit.file}:{culprit.line} in {culprit.function}: {culprit.source}")
    lines += [f"note: {note}" for note in report.notes]
    return joined(lines)
