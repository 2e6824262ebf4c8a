"""Writes an incident's report: Markdown for a person at a terminal, HTML for a phone, JSON for a script."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from watchdog.model.incident import Incident
from watchdog.model.probing import Sample
from watchdog.report import folders
from watchdog.report.build import build, clean
from watchdog.report.page import ONLY_DRAWN, Page
from watchdog.system.disk import files
from watchdog.text.language import ENGLISH, LANGUAGES, speaking, translated, translated_count, translated_word
from watchdog.text.printable import printable
from watchdog.text.retelling import retold
from watchdog.text.units import format_duration

_JSON = "report.json"
_LONGEST = 20_000_000  # bytes


def write(
    incident: Incident, folder: Path, samples: Sequence[Sample] = (), *, pages: bool = True, language: str = ""
) -> Path:
    """Write report.json, report.html and report.md into the incident's folder (made, 0700); gives report.md.

    Without `pages` only report.json, which is written at once: the pages can be made from it when somebody asks.

    `samples` are the probes' answers of the time before; they are kept in the folder, so that the report can be made
    again without them. OSError if the disk takes nothing. Without `language` it is that of the last report.
    """
    language = language or language_of(folder)
    with files.open_folder(folder) as opened:
        if samples:
            folders.save_samples(opened, samples)
        with speaking(ENGLISH):
            opened.write(_JSON, as_json(build(incident, folder), clean(incident), language))
        if not pages:
            return folder / _JSON
        from watchdog.report.pictures import with_pictures  # here: these and Jinja are imported for a page only
        from watchdog.report.render import html, markdown

        with speaking(language):
            page = build(incident, folder)
            opened.write("report.html", html(with_pictures(page, folder)))
            opened.write("report.md", markdown(page))  # last: who finds it finds the others too
    return folder / "report.md"


def language_of(folder: Path) -> str:
    """In which the report that is there was written; English if there is none."""
    data, size, _modified, error = files.tail_bytes(folder / _JSON, _LONGEST)
    try:
        found = json.loads(data) if not error and size <= _LONGEST else {}
    except (ValueError, RecursionError):
        return ENGLISH
    language = found.get("language") if isinstance(found, dict) else ENGLISH
    return language if language in LANGUAGES else ENGLISH


def as_json(page: Page, incident: Incident, language: str = ENGLISH) -> str:
    """The incident as `wd incidents show` gives it, and all that the page adds. Always in English."""
    shown = {name: value for name, value in asdict(page).items() if name not in ONLY_DRAWN}
    whole: dict[str, Any] = {**incident.record(), "language": language, "page": shown}
    return json.dumps(whole, indent=1, ensure_ascii=True, default=str) + "\n"


def one_line(incident: Incident) -> str:
    """For a message or a list: "shop recovered in 12s: lock-deadlock at shop.py:30, 3 processes ended"."""
    outcome, took = translated_word(incident.came_to, "run"), incident.downtime
    parts = [translated("{who} {outcome}", who=incident.service or incident.runbook, outcome=outcome)]
    if took is not None:
        parts.append(translated(" in {duration}", duration=format_duration(took)))
    culprit = (incident.finding or {}).get("culprit") or {}
    if incident.cause:
        place = f"{Path(str(culprit['file'])).name}:{culprit.get('line')}" if culprit.get("file") else ""
        parts.append(f": {incident.cause}{translated(' at {place}', place=place) if place else ''}")
    if count := len(incident.old_pids):
        parts.append(translated_count(", {count} process ended", ", {count} processes ended", count))
    if incident.repeated:
        parts.append(f" ({retold(incident.repeated)})")
    return printable("".join(parts))
