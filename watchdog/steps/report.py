"""`report`: writes the incident's report as it stands, in the middle of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watchdog.journal.store import Journal
from watchdog.model.incident import Incident
from watchdog.model.probing import Sample
from watchdog.report import write
from watchdog.steps.spec import Context, StepResult

BEFORE = 3600.0  # seconds of the probes' answers that a report shows
_MOST_SAMPLES = 5000


def report(context: Context, options: Mapping[str, Any]) -> StepResult:
    """The runner writes it once more when the run is over."""
    if context.journal is None or context.incident is None:
        return StepResult("planned" if context.dry_run else "nothing", "outside of a run there is nothing to report")
    found = context.journal.incident(context.incident)
    try:
        samples = samples_before(context.journal, found)
        path = write.write(found, context.folder, samples, language=context.language)
    except OSError as error:
        return StepResult("failed", f"the report could not be written: {error}")
    return StepResult("ok", str(path), {"report": str(path)})


def samples_before(journal: Journal, incident: Incident) -> tuple[Sample, ...]:
    """What the probes measured in the hour before, and until the end."""
    if incident.service is None:
        return ()
    found = journal.samples(incident.service, since=incident.opened - BEFORE, until=incident.closed)
    return tuple(sample for sample in found if sample.value is not None)[-_MOST_SAMPLES:]
