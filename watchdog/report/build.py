"""From an incident and its folder to the page of its report. Reads, decides what to say, and draws nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from watchdog.model.incident import CRASH_LOOP, Incident
from watchdog.report import folders
from watchdog.report.page import Ended, Line, Page
from watchdog.report.words import lasted
from watchdog.text.language import marked, translated
from watchdog.text.redact import redact, redact_data
from watchdog.text.retelling import retold

_HEADLINES = {
    "recovered": marked("{who} is back, and that is proven"),
    "done": marked("the run did what it was asked to"),
    "failed": marked("{who} is not proven to be back: a person is needed"),
    "refused": marked("nothing was done: a guard or the policy said no"),
    "planned": marked("nothing was done: only the plan was made"),
    "nothing": marked("there was nothing to do"),
    "running": marked("the run is under way, or was cut off"),
    "interrupted": marked("the run was interrupted"),
}


def clean(incident: Incident) -> Incident:
    """Without secrets, wherever the record comes from."""
    texts = (
        "service",
        "runbook",
        "request",
        "repeated",
        "changed",
        "root_cause",
        "fix",
        "overridden",
        "cause",
        "finding",
        "notes",
    )
    of_step = ("text", "by_hand", "message", "data")
    steps = tuple(
        replace(step, **{name: redact_data(getattr(step, name)) for name in of_step}) for step in incident.steps
    )
    changed: dict[str, Any] = {name: redact_data(getattr(incident, name)) for name in texts}
    return replace(incident, trigger=incident.trigger.cleaned(redact), steps=steps, **changed)


def build(incident: Incident, folder: Path) -> Page:
    """Everything comes from the journal's record and the folder, so a report can be made again at any time."""
    incident = clean(incident)
    names, kept, missing = folders.kept(folder)
    findings = _findings(incident)
    last = incident.steps[-1] if incident.steps else None
    end = incident.closed or (last.begun + last.seconds if last else None)
    return Page(
        id=incident.id,
        service=incident.service or "",
        runbook=incident.runbook,
        outcome=incident.came_to,
        headline=_headline(incident),
        good=incident.came_to in ("recovered", "done", "planned", "nothing"),
        opened=incident.opened,
        closed=incident.closed,
        seconds=max(0.0, end - incident.opened) if end is not None else None,
        downtime=incident.downtime,
        down_since=incident.down_since or incident.trigger.since,
        downtime_from=incident.downtime_from,
        downtime_exact=incident.downtime_exact,
        trigger=_trigger(incident),
        agreed_by=incident.trigger.agreed_by,
        request=incident.request,
        repeated=retold(incident.repeated),
        changed=retold(incident.changed),
        findings=findings,
        ended=_ended(incident, folders.commands(folder)),
        survivors=tuple(_survivors(incident)),
        ports=tuple(_ports(incident)),
        new_pid=incident.new_pid,
        proof=_proof(incident),
        checks=tuple(_checks(incident)),
        overrides=tuple(map(retold, filter(None, (incident.overridden, *map(str, _all(incident, "overrides")))))),
        lines=_lines(incident, end),
        folders=names,
        kept=kept,
        missing=tuple(map(retold, dict.fromkeys((*missing, *map(str, _all(incident, "missing")))))),
        curves=folders.curves(folder),
        commands=_commands(incident),
        root_cause=incident.root_cause,
        fix=incident.fix,
        notes=incident.notes,
        head=incident.head,
        data={f"{step.number} {step.step}": step.data for step in incident.steps if step.data},
    )


def _headline(incident: Incident) -> str:
    who = incident.service or translated("the server")
    if incident.gave_up:
        why = retold(incident.trigger.gave_up)
        return translated("{who} is left as it is, and a person is needed: {why}", who=who, why=why)
    if incident.runbook == CRASH_LOOP:
        words = marked("{who} ends again and again behind its held socket, and a person is needed: {why}")
        return translated(words, who=who, why=retold(incident.trigger.detail))
    said = translated(_HEADLINES.get(incident.outcome, incident.outcome), who=who)
    if incident.outcome == "recovered" and incident.downtime is not None:
        for_long = lasted(incident.downtime, incident.downtime_exact)
        return translated("{said}: {duration} without service", said=said, duration=for_long)
    return said


def _trigger(incident: Incident) -> str:
    trigger = incident.trigger
    who = translated("{kind} by {person}", kind=trigger.kind, person=trigger.by) if trigger.by else trigger.kind
    return who + (f": {retold(trigger.detail)}" if trigger.detail else "")


def _findings(incident: Incident) -> tuple[dict[str, Any], ...]:
    """All that the last diagnosis said, or at least the verdict that the incident keeps."""
    for step in reversed(incident.steps):
        found = (step.data or {}).get("findings")
        if isinstance(found, Sequence) and found and not isinstance(found, str):
            return tuple(dict(one) for one in found if isinstance(one, Mapping))
    if incident.finding:
        return (dict(incident.finding),)
    return ()


def _ended(incident: Incident, commands: Mapping[int, str]) -> tuple[Ended, ...]:
    found: dict[int, Ended] = {}
    for one in _all(incident, "killed"):
        if not isinstance(one, Mapping) or not isinstance(one.get("pid"), int):
            continue
        pid = one["pid"]
        seconds = one.get("seconds")
        found[pid] = Ended(
            pid,
            str(one.get("signal") or "by itself"),
            float(seconds) if isinstance(seconds, int | float) else None,
            str(one.get("command") or commands.get(pid, "")),
            retold(str(one.get("note") or "")),
        )
    for pid in incident.old_pids:
        found.setdefault(pid, Ended(pid, "unknown", None, commands.get(pid, "")))
    return tuple(found.values())


def _survivors(incident: Incident) -> Iterator[str]:
    for one in _all(incident, "survivors"):
        if isinstance(one, Mapping):
            yield f"pid {one.get('pid')} ({one.get('command')}): {retold(str(one.get('reason')))}"


def _ports(incident: Incident) -> Iterator[str]:
    for one in _all(incident, "ports"):
        if isinstance(one, Mapping) and "free" in one:
            free = marked("port {port} could be bound again")
            yield translated(free if one["free"] else marked("port {port} could NOT be bound"), port=one.get("port"))


def _checks(incident: Incident) -> Iterator[dict[str, Any]]:
    for one in _all(incident, "checks"):
        if isinstance(one, Mapping):
            yield {**one, "message": retold(str(one.get("message") or ""))}


def _proof(incident: Incident) -> str:
    """What the last proof came to, in its own words."""
    proofs = (step for step in reversed(incident.steps) if "answers" in (step.data or {}))
    return next((retold(step.message) for step in proofs if step.outcome in ("ok", "warning")), "")


def _lines(incident: Incident, end: float | None) -> tuple[Line, ...]:
    whole = max(0.001, (end or incident.opened) - incident.opened)
    found = []
    for step in incident.steps:
        offset = step.begun - incident.opened
        left = min(100.0, max(0.0, 100 * offset / whole))
        width = min(100.0 - left, max(0.6, 100 * step.seconds / whole))
        message = translated("under way, or cut off here") if step.outcome == "running" else retold(step.message)
        text = step.text or step.step
        found.append(Line(step.number, text, step.outcome, offset, step.seconds, message, left, width))
    return tuple(found)


def _commands(incident: Incident) -> tuple[str, ...]:
    """What a person types to do the same again: the whole, then each step by hand, with the home that was named."""
    service = f" --service {incident.service}" if incident.service else ""
    home = f" --home {shlex.quote(incident.trigger.home)}" if incident.trigger.home else ""
    typed = incident.trigger.typed
    single = len(incident.steps) == 1 and incident.steps[0].step == incident.runbook
    if single and typed:
        return (typed,)
    whole = "" if single or incident.gave_up else f"wd{home} run {incident.runbook}{service}"
    first = typed if incident.runbook in typed.split() or not incident.steps else whole
    done = (step.by_hand for step in incident.steps if step.outcome != "skipped")
    resume = f"wd{home} resume {incident.service}    # once fixed" if incident.gave_up else ""
    return tuple(dict.fromkeys(filter(None, (first, *done, resume))))


def _all(incident: Incident, key: str) -> Iterator[Any]:
    """Every item of a list of that name in the steps' results, however deep it stands."""
    for step in incident.steps:
        yield from _inside(step.data or {}, key)


def _inside(value: Any, key: str, depth: int = 6) -> Iterator[Any]:
    if depth and isinstance(value, Mapping):
        for name, inner in value.items():
            if name == key and isinstance(inner, list | tuple):
                yield from inner
            else:
                yield from _inside(inner, key, depth - 1)
