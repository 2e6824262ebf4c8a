"""The last part of each log, saved under a time-stamped name before anything is touched.

A restart rotates, truncates or overwrites logs, so they go first. Nothing is trusted about them: they may be FIFOs,
sparse, growing, one endless line, links that a stranger made, or hold secrets.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from watchdog.evidence.bounded import Attempt
from watchdog.model.evidence import LogTail
from watchdog.model.snapshot import Artifact
from watchdog.system import clock
from watchdog.system.disk import files
from watchdog.text.redact import redact

EACH = 1_000_000  # bytes saved of one log
AT_MOST = 20  # logs
READ = 256_000  # bytes of one that the diagnosis gets to read
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"PK\x03\x04")
_YOUNG = 16_384  # bytes: a log shorter than this was perhaps rotated a moment ago


def tails(paths: Iterable[str | Path]) -> tuple[LogTail, ...]:
    """The last part of each for the diagnosis, in memory, nothing written."""
    return tuple(_tail(path, READ)[0] for path in _each(paths))


def save(
    folder: files.Folder, paths: Sequence[str | Path], seconds: float, room: int
) -> tuple[tuple[LogTail, ...], tuple[Artifact, ...]]:
    """Save them into the folder within the time and `room` bytes; gives what the diagnosis reads, and what was kept."""
    deadline, read, kept = clock.Deadline(seconds), list[LogTail](), list[Artifact]()
    stamp = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y%m%d_%H%M%S")
    names: set[str] = set()
    for path in _each(paths):
        begun, limit = clock.monotonic(), max(0, min(EACH, room - sum(one.size for one in kept)))
        nothing = (LogTail(str(path), "", error="not read in time"), b"")
        # In its own thread: a log on a dead network disk must not keep the server down.
        (tail, data), gap = Attempt(f"log {path}", partial(_tail, path, limit), nothing).take(deadline.left)
        error = gap.reason if gap else tail.error
        read.append(tail)
        name = "" if error and not data else _name(path, stamp, names)
        if name:
            try:
                folder.write(name, data, settle=False)
            except OSError as trouble:
                name, data, error = "", b"", trouble.strerror or str(trouble)
        digest = hashlib.sha256(data).hexdigest() if name else ""
        took = clock.monotonic() - begun
        kept.append(Artifact("log", f"logs/{name}" if name else "", digest, len(data), took, error, str(path)))
    return tuple(read), tuple(kept)


def _each(paths: Iterable[str | Path]) -> list[Path]:
    """Each once; and the one before it where the log was rotated a moment ago."""
    found: list[Path] = []
    for given in paths:
        path = Path(given)
        found.append(path)
        older = path.with_name(path.name + ".1")
        try:
            young = not path.exists() or path.stat().st_size < _YOUNG
            if young and older.is_file():
                found.append(older)
        except OSError:  # a name too long, a folder that may not be entered: reading will say so
            continue
    return list(dict.fromkeys(found))[:AT_MOST]


def _tail(path: Path, limit: int) -> tuple[LogTail, bytes]:
    """What is read of it, and what is saved: redacted both."""
    data, size, modified, error = files.tail_bytes(path, limit)
    if data.startswith(_COMPRESSED) and len(data) == size:
        return LogTail(str(path), "", size, modified, "it is compressed: not read"), b""
    # Bytes that are not text become four characters each: of such a file only what fits is kept.
    text = redact(files.readable(data)[-limit:])
    kept = text.encode("utf-8", "backslashreplace")[-limit:] if limit else b""
    return LogTail(str(path), text[-READ:], size, modified, error), kept


def _name(path: Path, stamp: str, taken: set[str]) -> str:
    """Readable and harmless, whatever the log is called: "shop-20260131_030012.log"."""
    stem, suffix = re.subn(r"[^A-Za-z0-9._-]+", "_", path.stem)[0].strip("._-")[:60], path.suffix
    suffix = suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,8}", suffix) else ".log"
    name, number = f"{stem or 'log'}-{stamp}{suffix}", 1
    while name in taken:
        number += 1
        name = f"{stem or 'log'}-{stamp}-{number}{suffix}"
    taken.add(name)
    return name
