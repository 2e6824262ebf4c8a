"""What a message says of an incident: the cause, the guilty line, what was done, where to read on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from watchdog.model.incident import Incident
from watchdog.model.routes import Message, Severity
from watchdog.report.build import build
from watchdog.report.page import Page
from watchdog.report.write import one_line
from watchdog.text.units import format_duration


def of_incident(incident: Incident, page_address: str, severity: Severity) -> Message:
    """Its end, as people are notified of it."""
    return Message(incident.service or incident.runbook, severity, one_line(incident), facts(incident, page_address))


def facts(incident: Incident, page_address: str) -> str:
    """A line a fact, of what is known by now."""
    page = build(incident, Path(incident.folder))
    return "\n".join((*_why(page), *_done(page), link(incident.id, page_address)))


def link(incident: str, page_address: str) -> str:
    return f"{page_address}/incidents/{incident}" if page_address else f"read on: `wd incidents show {incident}`"


def _why(page: Page) -> Iterator[str]:
    first = page.findings[0] if page.findings else None
    if first:
        yield f"cause: {first.get('cause')}: {first.get('summary')}"
        culprit = first.get("culprit") or {}
        if culprit.get("file"):
            source = str(culprit.get("source") or "").strip()
            place = f"{culprit['file']}:{culprit.get('line')} in {culprit.get('function')}"
            yield f"line: {place}{f': {source}' if source else ''}"
    if page.request:
        yield f"input: {page.request}"


def _done(page: Page) -> Iterator[str]:
    ended = ", ".join(f"pid {one.pid} ({one.signal})" for one in page.ended)
    started = f"pid {page.new_pid} runs" if page.new_pid else ""
    if ended or started:
        yield f"done: {'; '.join(filter(None, (f'ended {ended}' if ended else '', started)))}"
    if page.downtime is not None:
        least = "" if page.downtime_exact else "at least "
        yield f"without service: {least}{format_duration(page.downtime)}"
