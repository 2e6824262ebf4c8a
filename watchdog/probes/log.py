"""Lines of a log that should not come, and logs to which nothing comes any more.

Each log is read on from where the last answer stopped; the bookmark says where, by the file's own number, so that a
rotated, truncated or replaced log is noticed. What stood there before the first answer is the past.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from watchdog.model.kinds import Key
from watchdog.model.probing import Sample
from watchdog.model.records import record
from watchdog.probes.asked import Asked
from watchdog.probes.kind import ProbeKind
from watchdog.system.child import patterns
from watchdog.system.disk.following import Place, follow
from watchdog.text.units import counted, format_duration

LONGEST = 4000  # characters of one line that are looked at
_REMEMBER = 1000  # moments of matches that are kept


@record(frozen=True)
class Wanted:
    """What is looked for in which logs, and how often it may come."""

    text: str
    regex: bool
    files: tuple[str, ...]
    count: int
    within: float


@record(frozen=True)
class Matches:
    """New matching lines, and all that is remembered for the next time."""

    times: tuple[float, ...]  # of all matches within the time, seconds since the epoch
    last: str  # the newest matching line
    fresh: int
    bookmark: str
    error: str = ""


def probe(asked: Asked) -> Sample:
    silence = asked.spec.setting("silence")
    if silence is not None:
        return _silent(asked, float(silence))
    spec = asked.spec
    wanted = Wanted(
        text=str(spec.subject),
        regex=bool(spec.setting("regex")),
        files=(str(spec.setting("file")),) if spec.setting("file") else asked.playbook.logs,
        count=int(spec.setting("count") or 1),
        within=float(spec.setting("within") or 60.0),
    )
    found = search(wanted, asked.at, asked.bookmark, spec.timeout)
    number = len(found.times)
    if found.error and number < wanted.count:
        return asked.answer("unknown", found.error, bookmark=found.bookmark)
    if number >= wanted.count:
        told = f"1 line with {wanted.text[:60]!r}: {found.last}"
        if number > 1:
            within = format_duration(wanted.within)
            told = f"{number} lines in {within} with {wanted.text[:60]!r}: {found.last}"
        return asked.answer("failed", told, number, "", found.bookmark)
    return asked.answer("ok", f"{number} lines with {wanted.text[:60]!r}", number, "", found.bookmark)


def search(wanted: Wanted, at: float, bookmark: str, within: float) -> Matches:
    """Read on in every log, and search for `within` seconds. The error says why the answer is not known."""
    kept = _open_bookmark(bookmark)
    lines, places, errors = _new_lines(wanted.files, kept.get("places", {}))
    if errors and len(errors) == len(wanted.files):
        return Matches((), "", 0, bookmark, errors[0])
    if not wanted.files:
        return Matches((), "", 0, bookmark, "the playbook names no log")
    searched = _searched(wanted, [line[:LONGEST] for line in lines], within)
    hits = searched.hits[-_REMEMBER:]
    times = [float(when) for when in kept.get("times", ()) if at - wanted.within < float(when) <= at + 1]
    times = [*times, *([at] * len(hits))][-_REMEMBER:]
    last = lines[hits[-1]].strip()[:200] if hits else str(kept.get("last", ""))
    stored = json.dumps({"places": places, "times": times, "last": last}, separators=(",", ":"))
    error = (
        f"{counted(len(searched.late), 'line')} skipped: the pattern takes too long on them" if searched.late else ""
    )
    return Matches(tuple(times), last, len(hits), stored, error)


def _new_lines(files: Sequence[str], before: Mapping[str, Any]) -> tuple[list[str], dict[str, Any], list[str]]:
    """(lines that came since, where reading stopped in each file, errors)."""
    lines: list[str] = []
    places: dict[str, Any] = {}
    errors = []
    for path in files:
        known = before.get(path)
        text, place, error = follow(Path(path), Place(*known) if known else None)
        if error:
            errors.append(f"{path}: {error}")
        if place:
            places[path] = [place.device, place.inode, place.offset]
        lines += text.splitlines()
    return lines, places, errors


def _searched(wanted: Wanted, lines: Sequence[str], within: float) -> patterns.Searched:
    """Plain text is looked for as it stands; WrongUsage for a broken pattern."""
    if wanted.regex:
        return patterns.search_each(wanted.text, lines, within)
    return patterns.Searched(tuple(at for at, line in enumerate(lines) if wanted.text in line))


def forget_matches(bookmark: str) -> str:
    """The bookmark of a log probe as if nothing had been found yet; any other bookmark as it is."""
    kept = _open_bookmark(bookmark)
    return json.dumps({**kept, "times": [], "last": ""}, separators=(",", ":")) if "places" in kept else bookmark


def _open_bookmark(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _silent(asked: Asked, most: float) -> Sample:
    """The file's own time of change tells: nothing needs to be read."""
    path = Path(str(asked.spec.subject))
    try:
        changed = path.stat().st_mtime
    except OSError as error:
        return asked.unknown(f"{path}: {error.strerror or error}")
    quiet = max(0.0, asked.at - changed)
    told = f"the last line came {format_duration(quiet)} ago"
    return asked.answer("failed" if quiet > most else "ok", told, quiet, "s")


KIND = ProbeKind(
    Key("log", "text", "a text that should not come; with `silence` the path of the log"),
    "A line that should not come, or lines that should come and do not.",
    probe,
    keys=(
        Key("file", "file", "the log to look in; by default all of `logs`"),
        Key("regex", "flag", "the text is a regular expression"),
        Key("count", "whole", "this number of lines is too many; by default 1", low=1, high=1_000_000),
        Key("within", "duration", "counted over this time; by default 1m", low=1.0, high=86400.0),
        Key("silence", "duration", "no new line for this long", low=1.0, high=30 * 86400.0),
    ),
    file_with="silence",
)
