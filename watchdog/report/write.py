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
from watchdog.report.page import Page
from watchdog.system.disk import files
from watchdog.text.printable import printable
from watchdog.text.units import format_duration


def write(incident: Incident, folder: Path, samples: Sequence[Sample] = (), *, pages: bool = True) -> Path:
    """Write report.json, report.html and report.md into the incident's folder (made, 0700); gives report.md.

    Without `pages` only report.json, which is written at once: the pages can be made from it when somebody asks.

    `samples` are the probes' answers of the time before; they are kept in the folder, so that the report can be made
    again without them. OSError if the disk takes nothing.
    """
    with files.open_folder(folder) as opened:
        if samples:
            folders.save_samples(opened, samples)
        page = build(incident, folder)
        opened.write("report.json", as_json(page, clean(incident)))
        if not pages:
            return folder / "report.json"
        from watchdog.report.render import html, markdown  # here: Jinja is imported for a page only

        opened.write("report.html", html(page))
        opened.write("report.md", markdown(page))  # last: who finds it finds the others too
    return folder / "report.md"


def as_json(page: Page, incident: Incident) -> str:
    """The incident as `wd incidents show` gives it, and all that the page adds."""
    whole: dict[str, Any] = {**incident.record(), "page": asdict(page)}
    return json.dumps(whole, indent=1, ensure_ascii=True, default=str) + "\n"


def one_line(incident: Incident) -> str:
    """For a message or a list: "shop recovered in 12s: lock-deadlock at shop.py:30, 3 processes ended"."""
    who = incident.service or incident.runbook
    took = f" in {format_duration(incident.downtime)}" if incident.downtime is not None else ""
    culprit = (incident.finding or {}).get("culprit") or {}
    where = f" at {Path(str(culprit['file'])).name}:{culprit.get('line')}" if culprit.get("file") else ""
    cause = f": {incident.cause}{where}" if incident.cause else ""
    count = len(incident.old_pids)
    ended = f", {count} process{'es' * (count != 1)} ended" if count else ""
    repeated = f" ({incident.repeated})" if incident.repeated else ""
    return printable(f"{who} {incident.came_to}{took}{cause}{ended}{repeated}")
