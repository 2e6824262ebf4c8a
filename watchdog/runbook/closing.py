"""The end of a run: how it ended is written down, then the report, which is made of what was written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from watchdog.model.errors import WdError
from watchdog.model.incident import Incident, RunOutcome, StepRecord
from watchdog.model.probing import Sample
from watchdog.runbook import outcome
from watchdog.runbook.downtime import downtime
from watchdog.steps.registry import does
from watchdog.steps.spec import Context
from watchdog.system import clock

if TYPE_CHECKING:
    from watchdog.journal.store import Journal

_LOOK_BACK = 86400.0  # seconds of answers in which the first failure is looked for
_MISSED, _WRITTEN = 3.0, 6.0  # intervals that may be missing, and seconds until the loop has written an answer down


def close(
    context: Context, records: Sequence[StepRecord], incident: Incident | None, came_to: RunOutcome, *, pages: bool
) -> Incident | None:
    """Write down how it ended, then the report, which is made of what was written down."""
    if incident is None or context.journal is None:
        return None
    found = context.found
    down = downtime(incident, records, _health_before(context, incident), found.evidence, clock.now())
    fields: dict[str, Any] = {
        "downtime": down.seconds,
        "down_since": down.since,
        "downtime_from": down.source or "",
        "downtime_exact": down.exact,
        **outcome.known_from(records),
    }
    if found.diagnosis:
        fields |= {
            "cause": found.diagnosis.verdict,
            "signature": found.diagnosis.signature,
            "request": found.diagnosis.request,
            "finding": found.diagnosis.findings[0].record() if found.diagnosis.findings else None,
        }
    fields["changed"] = _changed(context, records, incident, came_to)
    context.journal.close(incident.id, came_to, **fields)
    _write_report(context, context.journal, incident.id, pages=pages)
    return context.journal.incident(incident.id)


def _changed(context: Context, records: Sequence[StepRecord], incident: Incident, came_to: RunOutcome) -> str:
    """What has changed in the program since it last started well; only where that was the question."""
    starts = any(does(record.step, "starts") for record in records)
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


def _write_report(context: Context, journal: Journal, incident: str, *, pages: bool) -> None:
    from watchdog.report import write as report
    from watchdog.steps.report import samples_before

    try:
        written = journal.incident(incident)
        samples, language = samples_before(journal, written), context.language
        path = report.write(written, context.folder, samples, pages=pages, language=language)
        journal.update(incident, report=str(path))
    except (OSError, WdError) as error:
        context.say(f"the report could not be written: {error}")
