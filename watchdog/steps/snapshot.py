"""`snapshot`: keeps the evidence of a server before anything is done to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from watchdog.evidence import known
from watchdog.evidence import snapshot as evidence
from watchdog.journal.incidents import make_id
from watchdog.model.evidence import Evidence
from watchdog.model.exits import Exit as Code
from watchdog.model.process import Tree
from watchdog.model.snapshot import Snapshot
from watchdog.steps.bounds import evidence_left
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock
from watchdog.targets import resolve
from watchdog.targets.unseen import nothing_matched, refuse_unseen
from watchdog.text.printable import printable
from watchdog.text.shown import joined
from watchdog.text.units import format_duration, format_size

_MOVES = 0.3  # seconds between the first look and the last one: CPU use and moving calls show


def snapshot(context: Context, options: Mapping[str, Any]) -> StepResult:
    """One folder a server. Where nothing runs, the logs, the machine and the ends of earlier processes still tell."""
    trees = resolve.resolve(context.selector, context.playbook, context.started) if not context.selector.empty else ()
    if context.in_runbook and not trees and context.found.tree is not None:
        trees = (context.found.tree,)
    logs = known.known_logs(context.playbook, context.state, options.get("logs") or ())
    if not trees and not logs and context.playbook is None:
        refuse_unseen(context.selector.port, "no evidence was kept")
        raise nothing_matched(context.selector)
    if context.dry_run:
        return StepResult("planned", f"would keep the evidence of {_names(trees)} and {len(logs)} logs")
    deadline = clock.Deadline(evidence_left(context, float(options.get("within") or 10.0)))
    taken: list[Snapshot] = []
    wanted: Sequence[Tree | None] = trees or (None,)
    for index, tree in enumerate(wanted):
        folder = _folder(context, options, len(wanted) > 1, tree)
        share = deadline.left / (len(wanted) - index)
        taken.append(
            evidence.take(
                tree,
                folder,
                logs if index == 0 else (),
                max(0.05, share),
                _seen_before(context, tree),
                configured=known.configured(context.playbook),
                exits=known.known_exits(context.playbook, context.state, context.journal),
                # In a runbook the diagnosis that follows reads what was seen: it decides how long to look.
                enough=None if context.in_runbook else _MOVES,
            )
        )
    if len(taken) == 1:
        context.found.snapshot, context.found.evidence = taken[0], taken[0].seen
        if trees and context.found.tree is None:
            context.found.tree = trees[0]
    return _result(taken, trees)


def _seen_before(context: Context, tree: Tree | None) -> Evidence | None:
    """What the loop saw of this very server while it counted failures: it is down, and need not be looked at again."""
    before = context.found.evidence
    if context.evidence_until is None or before is None or before.tree is None or tree is None:
        return None
    return before if before.tree.root.identity == tree.root.identity else None


def _folder(context: Context, options: Mapping[str, Any], several: bool, tree: Tree | None) -> Path:
    to = options.get("to")
    if to:
        above = Path(to)
        if several and tree:
            return above / f"pid-{tree.root.pid}"
        return evidence.free_folder(above) if above.exists() else above  # what is there already stays as it is
    if context.incident is None:  # typed alone: no incident, so its own folder
        return context.folder / make_id(clock.now(), "snapshot") / "evidence"
    return evidence.free_folder(context.folder)


def _names(trees: Sequence[Tree]) -> str:
    return ", ".join(f"pid {tree.root.pid}" for tree in trees) or "no process"


def _result(taken: Sequence[Snapshot], trees: Sequence[Tree]) -> StepResult:
    artifacts = [artifact for one in taken for artifact in one.artifacts]
    written = [artifact for artifact in artifacts if artifact.path]
    missing = [artifact for artifact in artifacts if artifact.error]
    seconds = sum(one.seconds for one in taken)
    rows = tuple(one.record() for one in taken) if len(taken) > 1 else ()
    data = taken[0].record()
    if rows:
        above = str(Path(taken[0].folder).parent)
        data = {"evidence": above, "artifacts": [one.record() for one in artifacts], "seconds": round(seconds, 3)}
    message = f"{len(written)} files, {format_size(sum(one.size for one in written))}, in {format_duration(seconds)}"
    if not trees:
        message += "; no process runs"
    lines = [f"evidence: {data['evidence']}", message]
    lines += [
        f"  not had: {printable(f'{one.kind} {one.source}'.strip())}: {printable(one.error or '')}" for one in missing
    ]
    if not written:
        return StepResult("failed", "no evidence could be kept", data, rows, Code.CRITICAL, joined(lines))
    return StepResult("ok", message, data, rows, text=joined(lines))
