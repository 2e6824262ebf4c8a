"""`wd incidents verify`: whether the record of incidents is as it was written, and as the reports bear it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from watchdog.journal.store import Journal
from watchdog.model.chain import Chain, Fault, Head
from watchdog.model.errors import WrongUsage
from watchdog.steps.spec import Context, StepOutcome, StepResult
from watchdog.system.disk import files
from watchdog.text.shown import joined
from watchdog.text.units import iso

_MOST = 20_000_000  # bytes read of one report


def verify(context: Context, options: Mapping[str, Any]) -> StepResult:
    """0: whole. 1: whole, but begun again after damage. 2: something was changed, removed or added."""
    noted = _noted(options.get("head"))
    with Journal.open(context.state, context.say) as journal:
        chain, lost = journal.chain(), journal.lost_at
        reports = tuple(_reports(journal, context.state / "incidents", lost))
    if not chain.entries and not chain.faults and not reports:
        return StepResult("nothing", "no incident was recorded, so there is nothing to verify")
    faults = (*chain.faults, *_other_heads(chain, reports, noted))
    data = {
        "entries": chain.entries,
        "head": str(chain.head) if chain.head else None,
        "begun": iso(chain.begun) if chain.begun else None,
        "older": chain.older,
        "reports": len(reports),
        "begun_again": iso(lost) if lost else None,
        "faults": len(faults),
    }
    message, outcome = _verdict(chain, len(faults), lost)
    lines = [*(f"{fault.kind:8} {fault.what}" for fault in faults), message, *_remarks(chain, len(reports))]
    return StepResult(outcome, message, data, tuple(fault.record() for fault in faults), text=joined(lines))


def _noted(text: str | None) -> Head | None:
    if text is None:
        return None
    if found := Head.parse(text):
        return found
    raise WrongUsage(
        f"{text!r} is not a head of the chain",
        "it is a number, a colon and 64 hexadecimal digits",
        "Copy the whole of it from a report.",
    )


def _verdict(chain: Chain, faults: int, lost: float | None) -> tuple[str, StepOutcome]:
    if faults:
        return f"the record is not what was written: {faults} fault{'s' * (faults != 1)}", "failed"
    if lost:
        return f"the record is whole since {iso(lost)}, when a damaged journal was begun again", "warning"
    return f"the record is whole: {chain.entries} entries", "ok"


def _remarks(chain: Chain, reports: int) -> Iterator[str]:
    if chain.head:
        yield f"head {chain.head}"
    if chain.older and chain.begun:
        yield f"{chain.older} incidents are older than the chain, which covers them since {iso(chain.begun)}"
    yield f"{reports} report{'s' * (reports != 1)} with a head, compared with the chain"


def _reports(journal: Journal, below: Path, lost: float | None) -> Iterator[tuple[str, Head]]:
    """(incident, head) of each report that is there, also of incidents that are no longer in the journal."""
    folders = {Path(one.folder) for one in journal.incidents(limit=100_000)}
    folders |= {path.parent for path in below.glob("*/report.json")}
    for folder in sorted(folders):
        data, size, modified, error = files.tail_bytes(folder / "report.json", _MOST)
        if error or size > _MOST or (lost and (modified or 0.0) < lost):
            continue
        try:
            head = Head.parse(str(json.loads(data).get("head") or ""))
        except (ValueError, RecursionError, AttributeError):
            continue
        if head:
            yield folder.name, head


def _other_heads(chain: Chain, reports: tuple[tuple[str, Head], ...], noted: Head | None) -> Iterator[Fault]:
    """Heads that were seen before, and that this chain does not hold."""
    seen = [(f"the report of {name} bears", name, head) for name, head in reports]
    if noted:
        seen.append(("you noted", "", noted))
    for who, name, head in seen:
        if head.number not in chain.hashes:
            yield Fault("removed", f"{who} entry {head.number}, which is not in the chain", name, head.number)
        elif chain.hashes[head.number] != head.hash:
            yield Fault("changed", f"{who} another entry {head.number} than the chain", name, head.number)
