"""What a message says of an incident: the cause, the guilty line, what was done, where to read on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from watchdog.model.incident import Incident
from watchdog.model.routes import Message, Severity
from watchdog.report.build import build
from watchdog.report.page import Page
from watchdog.report.words import lasted, sentence
from watchdog.report.write import one_line
from watchdog.text.language import translated, translated_word


def of_incident(incident: Incident, page_address: str, severity: Severity) -> Message:
    """Its end, as people are notified of it."""
    return Message(incident.service or incident.runbook, severity, one_line(incident), facts(incident, page_address))


def facts(incident: Incident, page_address: str) -> str:
    """A line a fact, of what is known by now."""
    page = build(incident, Path(incident.folder))
    return "\n".join((*_why(page), *_done(page), link(incident.id, page_address)))


def link(incident: str, page_address: str) -> str:
    if page_address:
        return f"{page_address}/incidents/{incident}"
    return translated("read on: `wd incidents show {incident}`", incident=incident)


def _why(page: Page) -> Iterator[str]:
    first = page.findings[0] if page.findings else None
    if first:
        yield translated("cause: {cause}: {summary}", cause=first.get("cause"), summary=sentence(first))
        culprit = first.get("culprit") or {}
        if culprit.get("file"):
            source = str(culprit.get("source") or "").strip()
            line, function = f"{culprit['file']}:{culprit.get('line')}", culprit.get("function")
            place = translated("{place} in {function}", place=line, function=function)
            place += f": {source}" if source else ""
            yield translated("line: {place}", place=place)
    if page.request:
        yield translated("input: {request}", request=page.request)


def _done(page: Page) -> Iterator[str]:
    pids = ", ".join(f"pid {one.pid} ({translated_word(one.signal, 'signal')})" for one in page.ended)
    ended = translated("ended {pids}", pids=pids) if pids else ""
    started = translated("pid {pid} runs", pid=page.new_pid) if page.new_pid else ""
    if ended or started:
        yield translated("done: {what}", what="; ".join(filter(None, (ended, started))))
    if page.downtime is not None:
        for_long = lasted(page.downtime, page.downtime_exact)
        yield translated("without service: {duration}", duration=for_long)
