"""Two incidents side by side: the same line again? what was different?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from watchdog.model.incident import Incident
from watchdog.model.records import record
from watchdog.report.build import build
from watchdog.report.page import Page
from watchdog.report.words import sentence
from watchdog.text.language import translated, translated_word
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
        return translated("no cause is known of one of them")
    if first.signature and first.signature == second.signature:
        return translated("same cause and line")
    if first.cause == second.cause:
        return translated("same cause, another line")
    return translated("another cause: {cause}", cause=first.cause)


def _facts(page: Page) -> Iterator[tuple[str, str]]:
    finding = page.findings[0] if page.findings else {}
    culprit = finding.get("culprit") or {}
    yield translated("Outcome"), translated_word(page.outcome, "run")
    yield translated("Cause"), str(finding.get("cause") or "")
    yield translated("Line"), f"{culprit['file']}:{culprit.get('line')}" if culprit.get("file") else ""
    yield translated("Function"), str(culprit.get("function") or "")
    yield translated("Source"), str(culprit.get("source") or "").strip()
    yield translated("Waits for"), str(finding.get("peer") or "")
    yield translated("Summary"), sentence(finding)
    yield translated("Input"), page.request
    yield translated("Changed"), page.changed
    yield translated("Triggered by"), page.trigger
    yield translated("Runbook"), page.runbook
    yield translated("Steps"), ", ".join(f"{line.text}: {translated_word(line.outcome, 'step')}" for line in page.lines)
    yield translated("Without service"), format_duration(page.downtime) if page.downtime is not None else ""
    yield translated("Processes ended"), str(len(page.ended)) if page.ended else ""
    yield translated("Root cause"), page.root_cause
    yield translated("Fix"), page.fix
