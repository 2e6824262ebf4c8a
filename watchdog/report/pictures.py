"""What an HTML page shows beside the words: who waits for whom, and the log around the moment of the trouble."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from watchdog.report.log_tail import tails
from watchdog.report.page import Page
from watchdog.report.waits import waits


def with_pictures(page: Page, folder: Path) -> Page:
    """The same page with them, read from the evidence in the incident's folder."""
    folders = [folder / name for name in page.folders]
    return replace(
        page,
        waits=waits(page.findings[0], folders) if page.findings else None,
        logs=tails(folder, page.kept, page.down_since or page.opened),
    )
