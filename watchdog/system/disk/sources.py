"""The source files of a running program, as they stand in its own file system, read with its own rights."""

from __future__ import annotations

from watchdog.system import here
from watchdog.system.disk.parts import Part
from watchdog.system.disk.target_files import read_file
from watchdog.system.process import rights

LARGEST = 2_000_000  # bytes


def read_source(pid: int, path: str) -> tuple[str, float] | None:
    """(text, time of its last change in seconds since the epoch); None if it cannot be read whole."""
    if not here.is_absolute(path):
        return None  # "<string>", "<frozen …>", or relative to a folder that may have changed
    return source_in(read_file(rights.of(pid), path, LARGEST))


def source_in(part: Part) -> tuple[str, float] | None:
    """The text of a file that was read whole, and the time of its last change."""
    if part.error is not None or part.modified is None or part.size > LARGEST:
        return None
    return part.data.decode("utf-8", "replace"), part.modified
