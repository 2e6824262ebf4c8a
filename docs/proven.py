"""Writes the tables "what is proven", by command and platform, from the results of test runs.

    python docs/proven.py                                   writes the tables of what is known
    python docs/proven.py "Windows (Wine)" RESULT.xml …     takes the results of a run in: pytest --junitxml

A cell counts the tests that passed. Results are kept in proven.json, with the date of each run.
"""

from __future__ import annotations

import json
import re
import sys
import xml.etree.ElementTree as Xml
from collections import Counter
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

DOCS = Path(__file__).parent
RESULTS = DOCS / "proven.json"
PAGES = (DOCS.parent / "README.md", DOCS / "windows.md")
PLATFORMS = ("Linux", "Windows (Wine)", "macOS (its doors, on Linux)")

# What shows a command to work: names of test files, or file::test. Live tests alone: they run real processes.
WINDOWS, PORTABLE = "windows/test_live.py", "live/test_portable.py"
SHOWN_BY: dict[str, tuple[str, ...]] = {
    "wd find, wd ps": (
        "live/test_targets_*.py", f"{WINDOWS}::*is_found_by*", f"{WINDOWS}::test_ps_*", f"{PORTABLE}::*is_found_by*",
    ),
    "wd why": (
        "live/test_steps_why*.py", "live/test_why_*.py", "windows/test_why.py::*cause*", "windows/test_why.py::*alarm*",
        "windows/test_why.py::*finding*", f"{PORTABLE}::*alarm*", f"{PORTABLE}::*sleep*",
    ),
    "wd snapshot": ("live/test_evidence_*.py", "windows/test_why.py::*snapshot*"),
    "wd kill": (
        "live/test_kill*.py", "live/test_main_kill.py", f"{WINDOWS}::*end*", f"{WINDOWS}::*handle*",
        "windows/test_launchers.py", f"{PORTABLE}::*ended*", f"{PORTABLE}::*ends*",
    ),
    "wd start, wd restart": (
        "live/test_starting_*.py", "live/test_system_shim.py", f"{WINDOWS}::*is_started*", f"{WINDOWS}::*in_words*",
        "windows/test_recovery.py::*in_the_middle*", f"{PORTABLE}::*is_started*",
    ),
    "wd run, wd demo": (
        "live/test_story_*.py", "windows/test_recovery.py::*runbook_brings*", "windows/test_recovery.py::*demo*",
    ),
    "wd watch, wd tick": (
        "live/test_watch_*.py", "windows/test_recovery.py::*the_loop*", "windows/test_recovery.py::*one_pass*",
    ),
    "wd validate, wd runbooks lint": ("live/test_validate_here.py", "windows/test_recovery.py::*playbook*"),
    "wd schedule": ("live/test_schedule_*.py",),
    "wd sidecar": ("live/test_sidecar_*.py",),
}  # fmt: skip


def take(platform: str, results: list[Path]) -> None:
    """The results of a run stand for the commands that it has tried; all other cells stay."""
    known = read()
    counts = count(results)
    day = datetime.now(UTC).date().isoformat()
    known.setdefault(platform, {}).update({command: {**found, "day": day} for command, found in counts.items()})
    RESULTS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read() -> dict[str, dict[str, dict[str, str | int]]]:
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def count(results: list[Path]) -> dict[str, Counter[str]]:
    """How many tests of each command passed, failed and were skipped."""
    found: dict[str, Counter[str]] = {}
    for result in results:
        for case in Xml.parse(result).iter("testcase"):
            name = f"{case.get('classname', '').removeprefix('tests.').replace('.', '/')}.py::{case.get('name')}"
            tags = {one.tag for one in case}
            state = "failed" if tags & {"failure", "error"} else "skipped" if "skipped" in tags else "passed"
            for command in commands_of(name):
                found.setdefault(command, Counter())[state] += 1
    return found


def commands_of(test: str) -> list[str]:
    """The commands that a test shows, by its file and name."""
    return [
        command
        for command, patterns in SHOWN_BY.items()
        if any(fnmatchcase(test, one if "::" in one else f"{one}::*") for one in patterns)
    ]


def table() -> str:
    known = read()
    platforms = [one for one in PLATFORMS if one in known]
    rows = ["| command | " + " | ".join(platforms) + " |", "|---" * (len(platforms) + 1) + "|"]
    for command in SHOWN_BY:
        names = ", ".join(f"`{one}`" for one in command.split(", "))
        rows.append(f"| {names} | " + " | ".join(cell(known.get(one, {}).get(command)) for one in platforms) + " |")
    return "\n".join(rows)


def cell(found: dict[str, str | int] | None) -> str:
    if not found:
        return "no test"
    more = [f"{found[state]} {state}" for state in ("failed", "skipped") if found.get(state)]
    return ", ".join([f"{found.get('passed', 0)} passed", *more]) + f" ({found['day']})"


def pages() -> dict[Path, str]:
    """Each page, as it should be."""
    marks = re.compile(r"(<!-- table: proven -->\n).*?(<!-- end -->)", re.DOTALL)
    return {
        path: marks.sub(lambda found: f"{found[1]}{table()}\n{found[2]}", path.read_text(encoding="utf-8"))
        for path in PAGES
    }


if __name__ == "__main__":
    if len(sys.argv) > 2:
        take(sys.argv[1], [Path(one) for one in sys.argv[2:]])
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
