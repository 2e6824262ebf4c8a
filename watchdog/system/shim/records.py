"""What the shim leaves behind: one JSON file for each start of a service, complete or absent.

Written by a process that lives as long as the service does, so it needs nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import asdict, replace
from pathlib import Path

from watchdog.model.launching import ShimRecord
from watchdog.model.process import Identity
from watchdog.system.process import processes

_OURS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)  # Windows has neither
KEPT = 200  # records of a service; the oldest go first


def folder(state: Path, service: str) -> Path:
    """Where the records of a service lie; not made here."""
    return state / "shim" / re.sub(r"[^A-Za-z0-9._-]", "_", service).lstrip(".")


def write(place: Path, record: ShimRecord) -> None:
    """Store a record under the moment of its start. OSError if the disk does not take it."""
    target = place / f"{record.started:.3f}-{record.shim_pid}.json"
    temporary = target.with_suffix(".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _OURS, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        json.dump(asdict(record), file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(target)
    for old in sorted(place.glob("*.json"))[:-KEPT]:
        with contextlib.suppress(OSError):
            old.unlink()


def read_all(place: Path) -> tuple[ShimRecord, ...]:
    """All records in a folder, the oldest first; what cannot be read is left out."""
    found = (_read(path) for path in sorted(place.glob("*.json")))
    return tuple(sorted((one for one in found if one is not None), key=lambda record: record.started))


def last(place: Path) -> ShimRecord | None:
    """The newest record; None if there is none that can be read."""
    newest = max(place.glob("*.json"), default=None)
    return _read(newest) if newest else None


def _read(path: Path) -> ShimRecord | None:
    with contextlib.suppress(OSError, ValueError, TypeError):
        text = json.loads(path.read_text(encoding="utf-8"))
        return replace(ShimRecord(**text), last_lines=tuple(text.get("last_lines", ())))
    return None


def running(place: Path) -> tuple[Identity, ...]:
    """The processes that are recorded as started and not as ended; whether they live is for the caller to see."""
    found = (record.identity for record in read_all(place) if record.ended is None and not record.error)
    return tuple(one for one in found if one is not None)


def finish(place: Path, now: float) -> None:
    """End the records that nobody else will: the server is gone, and its shim was killed before it. OSError on a full
    disk. How it ended is not known, and when is known only as "before `now`"."""
    for record in read_all(place):
        if record.ended is None and record.identity is not None and not processes.is_alive(record.identity):
            shim = processes.read(record.shim_pid)
            if shim is None or shim.started > record.started:  # that pid belongs to another process by now
                write(place, replace(record, ended=now))
