"""Words that the report, the page and messages share, in the language of the reader."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watchdog.model.causes import CAUSES
from watchdog.text.language import ENGLISH, current, marked, translated
from watchdog.text.retelling import retold
from watchdog.text.units import format_duration

_DOWN_FROM = {
    "probe": marked("from the first failed answer to the loop's probe"),
    "log": marked("from the first failed request in a log"),
    "queue": marked("from the oldest request without a reply"),
    "process-state": marked("from the moment when the process ended or was stopped"),
    "run": marked("from the run's own steps"),
}


def down_from(source: str) -> str:
    """What the first sign of an outage was."""
    return translated(_DOWN_FROM.get(source, source))


def duration(seconds: float | None) -> str:
    return translated("not known") if seconds is None else format_duration(seconds)


def lasted(seconds: float | None, exact: bool) -> str:
    """ "at least 12s" where the beginning was not seen."""
    if seconds is None or exact:
        return duration(seconds)
    return translated("at least {duration}", duration=format_duration(seconds))


def sentence(finding: Mapping[str, Any]) -> str:
    """What a finding says. Where the language has no words for it, the meaning of its cause."""
    summary = str(finding.get("summary") or "")
    told, cause = retold(summary), CAUSES.get(str(finding.get("cause")))
    return translated(cause.meaning) if told == summary and current() != ENGLISH and cause is not None else told


def recorded(finding: Mapping[str, Any]) -> str:
    """The words of the record where `sentence` says another thing."""
    summary = str(finding.get("summary") or "")
    return "" if sentence(finding) == retold(summary) else summary
