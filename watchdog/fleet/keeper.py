"""Keeps one run on a host: detached from the link, once for an id, with a deadline and a lock of its own."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from watchdog.journal.store import Journal
from watchdog.system import clock
from watchdog.system.child import commands
from watchdog.system.disk import flock
from watchdog.system.disk.files import write_atomic
from watchdog.system.host import arrival
from watchdog.text.units import format_duration

WANTED, BEGUN, ENDED, OUTPUT, LOCK = "wanted.json", "begun.json", "ended.json", "output.txt", "lock"
_MOST = 1 << 30  # bytes of evidence of one run
_TAIL = 4 << 20  # bytes of the output in which the result line is looked for
_PIECE = 1 << 20
_OPEN = ("running", "interrupted")
_TO_CLOSE = 30.0  # seconds for a run that is ended at its deadline: it closes its incident and writes the report
_ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Run what the folder wants. The second keeper of a folder finds the lock or the mark, and ends."""
    folder = Path(sys.argv[-1])
    try:
        with flock.held(folder / LOCK):
            if not (folder / BEGUN).exists():
                wanted = json.loads((folder / WANTED).read_bytes())
                write_atomic(folder / BEGUN, json.dumps({"at": clock.now()}))
                write_atomic(folder / ENDED, json.dumps(_run(folder, wanted["words"], float(wanted["deadline"]))))
    except flock.Busy:
        return


def _run(folder: Path, words: list[str], deadline: float) -> dict[str, Any]:
    begun = clock.now()
    with (folder / OUTPUT).open("xb", buffering=0) as output:
        line = [*arrival.become(_ROOT), *words]
        done = commands.run(line, timeout=deadline, take=output.write, ask_first=_TO_CLOSE)
    result = _result(folder / OUTPUT)
    ended = f"it was ended at its deadline of {format_duration(deadline)}" if done.timed_out else done.error
    return {
        "code": done.code,
        "error": ended or (f"signal {done.signal} ended it" if done.signal else ""),
        "begun": begun,
        "ended": clock.now(),
        "result": result,
        "files": list(_files(_evidence(result) or _of_cut_off_run(folder, words, begun), folder / OUTPUT)),
    }


def _result(output: Path) -> dict[str, Any]:
    """The last line that is the result of a command; progress lines stand before it."""
    with output.open("rb") as file:
        file.seek(max(0, output.stat().st_size - _TAIL))
        lines = file.read().splitlines()
    for line in reversed(lines):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and "outcome" in found:
            return found
    return {}


def _evidence(result: dict[str, Any]) -> Path | None:
    """The folder of the incident."""
    return Path(result["report"]).parent if result.get("report") else None


def _of_cut_off_run(folder: Path, words: list[str], begun: float) -> Path | None:
    """The folder of the incident of a run that told no result: the one of its runbook that was left open meanwhile."""
    with Journal.open(folder.parents[1]) as journal:
        found = [one for one in journal.incidents(since=begun) if one.runbook == words[1] and one.outcome in _OPEN]
    return Path(found[-1].folder) if found and found[-1].folder else None


def _files(folder: Path | None, output: Path) -> Iterator[dict[str, Any]]:
    """What can be fetched, each with its hash; no more than the limit together."""
    left = _MOST
    inside = sorted(folder.rglob("*")) if folder is not None else []
    for path in (output, *inside):
        if path.is_symlink() or not path.is_file():
            continue
        size = path.stat().st_size
        named = {"path": str(path.relative_to(folder)) if path != output and folder else path.name, "at": str(path)}
        if size > left:
            yield {**named, "bytes": size, "sha256": "", "error": "too large to be fetched"}
            continue
        left -= size
        yield {**named, "bytes": size, "sha256": sha256(path), "error": ""}


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
