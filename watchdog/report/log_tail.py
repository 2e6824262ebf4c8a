"""The lines of a kept log around the moment when the trouble began."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from watchdog.report.page import Kept, LogTail
from watchdog.system.disk import files
from watchdog.text.printable import printable
from watchdog.text.stamps import stamp

_READ = 256_000  # bytes from the end of a log
_BEFORE, _AFTER = 15, 25  # lines
_WIDTH = 300  # characters of a line
_LOGS = 2


def tails(folder: Path, kept: Sequence[Kept], moment: float) -> tuple[LogTail, ...]:
    """Of the first logs that have any lines; they were redacted when they were kept."""
    found = (_tail(folder / one.path, one.source or one.path, moment) for one in kept if one.kind == "log")
    return tuple(one for one in found if one is not None)[:_LOGS]


def _tail(path: Path, source: str, moment: float) -> LogTail | None:
    data, _size, _modified, error = files.tail_bytes(path, _READ)
    lines = [printable(line)[:_WIDTH] for line in files.readable(data).splitlines()]
    if error or not any(line.strip() for line in lines):
        return None
    times = [stamp(line) for line in lines]
    has_times = any(time is not None for time in times)
    # A line without a time belongs to the one before it: a traceback stands together.
    cut = next((at for at, time in enumerate(times) if time is not None and time >= moment), len(lines))
    before, after = lines[max(0, cut - (_BEFORE if cut < len(lines) else _BEFORE + _AFTER)) : cut], lines[cut:]
    return LogTail(source, tuple(before), tuple(after[:_AFTER]), has_times)
