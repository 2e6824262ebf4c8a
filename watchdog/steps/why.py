"""`why`: what the server is stuck on, at which line of whose code, and what to do; nothing is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from watchdog.diagnosis.diagnose import diagnose, settled
from watchdog.evidence import logs
from watchdog.evidence.gather import gather
from watchdog.evidence.known import configured, known_exits, known_logs
from watchdog.model.causes import HEALTHY
from watchdog.model.evidence import Evidence
from watchdog.model.exits import Exit
from watchdog.model.finding import Diagnosis
from watchdog.model.process import Tree, Verdict, target_record
from watchdog.report.diagnosis_text import screen
from watchdog.steps import port_playbooks
from watchdog.steps.bounds import evidence_left
from watchdog.steps.spec import Context, StepOutcome, StepResult
from watchdog.system import clock
from watchdog.system.net import ports
from watchdog.targets import resolve
from watchdog.targets.unseen import nothing_matched
from watchdog.text.redact import redact

_FRESH = 30.0  # seconds: evidence of a snapshot before this step in the same run
_WORST = (Exit.CRITICAL, Exit.UNKNOWN, Exit.WARNING, Exit.FINE)


def why(context: Context, options: Mapping[str, Any]) -> StepResult:
    """One diagnosis a server; with a service also where nothing runs: the last exit, the log and the port tell."""
    port_playbooks.adopt(context)
    trees = _trees(context)
    port_playbooks.adopt(context, trees)
    port = context.selector.port
    if not trees and context.playbook is None and not (port and ports.accept_queue(port)):
        raise nothing_matched(context.selector)
    if context.dry_run:
        return StepResult("planned", f"would look at {', '.join(map(_name, trees)) or _whom(context, None)}")
    deadline = clock.Deadline(evidence_left(context, float(options.get("within") or 20.0)))
    found: list[tuple[Tree | None, Diagnosis, Evidence]] = []
    wanted: Sequence[Tree | None] = trees or (None,)
    for index, tree in enumerate(wanted):
        share = deadline.left / (len(wanted) - index)
        seen = _evidence(context, tree, max(0.05, share), bool(options.get("locals")), alone=len(wanted) == 1)
        found.append((tree, diagnose(seen), seen))
    worst = min(found, key=lambda one: _WORST.index(one[1].exit))
    if len(found) == 1:
        context.found.evidence = worst[2]
        if context.found.tree is None:
            context.found.tree = worst[0]
    context.found.diagnosis = worst[1]
    records = [_record(tree, diagnosis) for tree, diagnosis, _ in found]
    return StepResult(
        _outcome(worst[1]),
        redact(_message(worst[1])),
        data=_record(worst[0], worst[1]),
        rows=tuple(records) if len(records) > 1 else (),
        exit=worst[1].exit,
        text=redact("\n\n".join(screen(diagnosis, seen) for _, diagnosis, seen in found)),
    )


def _whom(context: Context, tree: Tree | None) -> str:
    if tree is not None:
        return _name(tree)
    port = context.selector.port or configured(context.playbook).port
    unseen = port and ports.accept_queue(port)
    return f"port {port}, whose process cannot be seen," if unseen else "what is left of it"


def _trees(context: Context) -> tuple[Tree, ...]:
    trees = resolve.resolve(context.selector, context.playbook, context.started) if not context.selector.empty else ()
    if context.in_runbook and not trees and context.found.tree is not None:
        return (context.found.tree,)
    return trees


def _evidence(context: Context, tree: Tree | None, within: float, keep_locals: bool, *, alone: bool) -> Evidence:
    """What an earlier step of the same run has seen a moment ago will do, if it settles the question."""
    before = context.found.evidence
    if alone and before is not None and not keep_locals and clock.now() - before.taken < _FRESH:
        same = (before.tree.root.identity if before.tree else None) == (tree.root.identity if tree else None)
        found = diagnose(before)
        # Where the loop runs this, a server is down meanwhile: a named cause is enough, however sure it is.
        if same and (
            settled(before, found) or (context.evidence_until is not None and (within <= 0.1 or found.findings))
        ):
            return before
    context.say(f"looking at {_whom(context, tree)} for at most {within:.0f} s …")
    asked = configured(context.playbook)
    if asked.port is None and (tree is None or not tree.listeners):
        asked = replace(asked, port=context.selector.port)
    return gather(
        tree,
        asked,
        within,
        keep_locals,
        logs.tails(known_logs(context.playbook, context.state)),
        known_exits(context.playbook, context.state, context.journal),
    )


def _record(tree: Tree | None, diagnosis: Diagnosis) -> dict[str, Any]:
    """The contract's last line."""
    target = target_record(tree.members[0], tree, _verdict(diagnosis)) if tree else None
    found: dict[str, Any] = {
        "target": target,
        "verdict": diagnosis.verdict,
        "findings": [finding.record() for finding in diagnosis.findings],
        "advice": diagnosis.advice,
        "signature": diagnosis.signature,
        "request": redact(diagnosis.request),
        "missing": list(diagnosis.missing),
    }
    return {**found, "findings": [_redacted(one) for one in found["findings"]]}


def _redacted(value: Any) -> Any:
    """Source lines and log lines can hold secrets, wherever they stand in a finding."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _redacted(inner) for key, inner in value.items()}
    return [_redacted(inner) for inner in value] if isinstance(value, list) else value


def _verdict(diagnosis: Diagnosis) -> Verdict:
    if diagnosis.verdict in ("not-running", "oom-killed", "start-failed"):
        return "down"
    if diagnosis.verdict in ("healthy-but-slow", "slow-degradation"):
        return "slow"
    if diagnosis.verdict in HEALTHY or diagnosis.exit == Exit.WARNING:
        return "healthy"
    return "unknown" if diagnosis.verdict in ("unknown", "not-python") else "hung"


def _outcome(diagnosis: Diagnosis) -> StepOutcome:
    """A fault that was found is what the step is for; only what it could not tell is short of that."""
    return "unknown" if diagnosis.exit == Exit.UNKNOWN else "ok"


def _message(diagnosis: Diagnosis) -> str:
    if not diagnosis.findings:
        return diagnosis.verdict
    first = diagnosis.findings[0]
    where = f" at {first.culprit.file}:{first.culprit.line}" if first.culprit else ""
    return f"{first.cause}{where}: {first.summary}"


def _name(tree: Tree) -> str:
    return tree.service or (f"port {tree.ports[0]}" if tree.ports else f"pid {tree.root.pid}")
