"""What a run came to: pure functions over its step records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from watchdog.model.exits import Exit, exit_of
from watchdog.model.incident import RunOutcome, StepRecord
from watchdog.steps.registry import does, proves_return

FAILURES = frozenset({"failed", "refused", "unknown"})


def exit_code(outcome: RunOutcome) -> Exit:
    return exit_of(outcome)


def outcome_of(records: Sequence[StepRecord], ended_by: StepRecord | None) -> RunOutcome:
    """`ended_by` is the failure that ended the run, None if every step was reached."""
    if ended_by is not None:
        return "refused" if ended_by.outcome == "refused" else "failed"
    if records and all(record.outcome == "planned" for record in records):
        return "planned"
    acted = [record for record in records if record.outcome not in ("skipped", "nothing")]
    if not acted:
        return "nothing"
    started = any(does(record.step, "starts") and record.outcome == "ok" for record in records)
    return "recovered" if started and proven(records) else "done"


def in_words(records: Sequence[StepRecord], ended_by: StepRecord | None) -> str:
    """The sentence that matters most: what ended the run, else the proof, else what was done last."""
    if ended_by is not None:
        return f"{ended_by.text}: {ended_by.message}"
    told = [record for record in records if record.outcome != "skipped" and not does(record.step, "tells")]
    best = [record for record in told if proves_return(record.step)] or told or list(records)
    return best[-1].message if best else ""


def proven(records: Sequence[StepRecord]) -> bool:
    """Whether a proof of recovery is among them."""
    return any(proves_return(record.step) and record.outcome in ("ok", "warning") for record in records)


def known_from(records: Sequence[StepRecord]) -> dict[str, Any]:
    """Fields of the incident that its steps tell, also those that another process had done before it was cut off."""
    fields: dict[str, Any] = {}
    ended: list[int] = []
    for record in records:
        data = record.data or {}
        if found := data.get("findings"):
            fields |= {"cause": found[0].get("cause", ""), "finding": found[0]}
        ended += [one["pid"] for part in (data, data.get("kill") or {}) for one in part.get("killed") or ()]
        if (does(record.step, "starts") or proves_return(record.step)) and data.get("pid"):
            fields["new_pid"] = data["pid"]
    if not any(does(record.step, "starts") for record in records):
        fields.pop("new_pid", None)
    return fields | {"old_pids": tuple(dict.fromkeys(ended))} if ended else fields
