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
from watchdog.system import clock
from watchdog.system.process import processes

_OURS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)  # Windows has neither
READ_FOR, _PAUSE = 2.0, 0.01  # seconds
KEPT = 200  # records of a service; the oldest go first


def folder(state: Path, service: str) -> Path:
    """Where the records of a service lie; not made here."""
    return state / "shim" / re.sub(r"[^A-Za-z0-9._-]", "_", service).lstrip(".")


def write(place: Path, record: ShimRecord) -> None:
    """Store a record under the moment of its start. OSError if the disk does not take it."""
    target = _path(place, record)
    temporary = target.with_suffix(f".{os.getpid()}.tmp")  # two may note the same end
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _OURS, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        json.dump(asdict(record), file)
        file.flush()
        os.fsync(file.fileno())
    _replace(temporary, target)
    for old in sorted(place.glob("*.json"))[:-KEPT]:
        with contextlib.suppress(OSError):
            old.unlink()


def _replace(temporary: Path, target: Path) -> None:
    """Windows does not replace a file that somebody reads just now: the reader is waited for."""
    deadline = clock.Deadline(READ_FOR)
    while True:
        try:
            temporary.replace(target)
            return
        except PermissionError:
            if deadline.over:
                temporary.unlink()
                raise
            clock.sleep(_PAUSE)


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


def up_to_date(place: Path, now: float) -> tuple[ShimRecord, ...]:
    """All records, the oldest first. Notes the ends that no shim will note: the server and its shim are both gone.

    How such a server ended is unknown. `now` is when it was first seen gone.
    """
    return tuple(_with_its_end(place, record, now) for record in read_all(place))


def _with_its_end(place: Path, record: ShimRecord, now: float) -> ShimRecord:
    if record.ended is not None or record.identity is None or processes.is_alive(record.identity):
        return record
    if _shim_lives(record):
        return record
    record = _read(_path(place, record)) or record  # the shim may have noted the end just before its own
    if record.ended is not None:
        return record
    found = replace(record, ended=now)
    with contextlib.suppress(OSError):  # a full disk, or a user who may only read
        write(place, found)
    return found


def _shim_lives(record: ShimRecord) -> bool:
    """Whether the shim that wrote this record can still write. A shim that was killed may be a zombie for long."""
    shim = processes.read(record.shim_pid)
    return shim is not None and not shim.ended and shim.started <= record.started  # later: another process has its pid


def _path(place: Path, record: ShimRecord) -> Path:
    return place / f"{record.started:.3f}-{record.shim_pid}.json"
