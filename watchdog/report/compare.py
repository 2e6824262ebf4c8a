"""Two incidents side by side: the same line again? what was different?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from watchdog.model.incident import Incident
from watchdog.model.records import record
from watchdog.report.build import build
from watchdog.report.page import Page
from watchdog.text.units import format_duration


@record(frozen=True)
class Row:
    """One fact of both."""

    name: str
    first: str
    second: str

    @property
    def same(self) -> bool:
        return self.first == self.second


def compare(first: Incident, second: Incident) -> tuple[Row, ...]:
    """Facts that at least one of them has, in the order in which an engineer asks."""
    pages = [dict(_facts(build(one, Path(one.folder)))) for one in (first, second)]
    names = dict.fromkeys(name for page in pages for name in page)
    rows = (Row(name, pages[0].get(name, ""), pages[1].get(name, "")) for name in names)
    return tuple(row for row in rows if row.first or row.second)


def in_words(first: Incident, second: Incident) -> str:
    """How their causes compare, in one phrase."""
    if not first.cause or not second.cause:
        return "no cause is known of one of them"
    if first.signature and first.signature == second.signature:
        return "same cause and line"
    return "same cause, another line" if first.cause == second.cause else f"another cause: {first.cause}"


def _facts(page: Page) -> Iterator[tuple[str, str]]:
    finding = page.findings[0] if page.findings else {}
    culprit = finding.get("culprit") or {}
    yield "Outcome", page.outcome
    yield "Cause", str(finding.get("cause") or "")
    yield "Line", f"{culprit['file']}:{culprit.get('line')}" if culprit.get("file") else ""
    yield "Function", str(culprit.get("function") or "")
    yield "Source", str(culprit.get("source") or "").strip()
    yield "Waits for", str(finding.get("peer") or "")
    yield "Summary", str(finding.get("summary") or "")
    yield "Input", page.request
    yield "Changed", page.changed
    yield "Triggered by", page.trigger
    yield "Runbook", page.runbook
    yield "Steps", ", ".join(f"{line.text}: {line.outcome}" for line in page.lines)
    yield "Without service", format_duration(page.downtime) if page.downtime is not None else ""
    yield "Processes ended", str(len(page.ended)) if page.ended else ""
    yield "Root cause", page.root_cause
    yield "Fix", page.fix
