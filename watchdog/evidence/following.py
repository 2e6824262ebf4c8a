"""What comes into the logs while the server is looked at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from watchdog.evidence.bounded import Attempt
from watchdog.model.evidence import LogTail
from watchdog.system.disk import files, parts
from watchdog.system.disk.files import Reading
from watchdog.text.redact import redact

_SECONDS = 0.3  # a log may lie on a disk that does not answer


def read_again(logs: Sequence[LogTail], limit: int, own: Collection[str], reading: Reading) -> tuple[LogTail, ...]:
    """The logs with what was added since. `reading` opens those that the server itself named, with its rights."""
    readings = {log.path: reading if log.path in own else parts.read_part for log in logs}
    attempt = Attempt("logs", lambda: tuple(_again(log, limit, readings[log.path]) for log in logs), tuple(logs))
    found, _gap = attempt.take(_SECONDS)
    return found


def _again(log: LogTail, limit: int, reading: Reading) -> LogTail:
    if log.error is not None:
        return log
    text, size, error = files.tail(log.path, max(limit, len(log.text)), reading)
    if error is not None or size <= log.size:
        return log
    return replace(log, text=redact(text), size=size, grown=log.grown + size - log.size)
