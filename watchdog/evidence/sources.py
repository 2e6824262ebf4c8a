"""The source around what was seen, as it is on disk now. Read only; nothing of it is imported or run."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable

from watchdog.diagnosis.code import is_application
from watchdog.model.evidence import Frame, SourceFile
from watchdog.model.process import Process
from watchdog.system.sources import read_source

_AROUND = 3  # lines on each side, for code that is not the application's
_FILES = 200
_SLACK = 2.0  # seconds between a file's time stamp and the process's start that may be measuring error


class Sources:
    """Reads each file once: the looks at one server come back to the same lines again and again."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[list[str], bool] | None] = {}
        self._wanted: defaultdict[str, set[int]] = defaultdict(set)
        self._whole: dict[str, bool] = {}

    def read(self, frames: Iterable[tuple[int, Frame]], processes: Iterable[Process]) -> tuple[SourceFile, ...]:
        """Files of the application whole, of libraries the lines around the frames. Each frame comes with its process.
        Files of the application whole, of libraries the lines around the frames. Each frame comes with its process."""
        known = {process.pid: process for process in processes}
        for pid, frame in frames:
            if frame.file.startswith("<"):
                continue
            self._wanted[frame.file].add(frame.line)
            if frame.file not in self._read and len(self._read) < _FILES:
                self._whole[frame.file] = is_application(frame)
                self._read[frame.file] = _lines(frame.file, known.get(pid), pid)
        found = (self._source(file, text) for file, text in self._read.items())
        return tuple(source for source in found if source is not None)

    def _source(self, file: str, text: tuple[list[str], bool] | None) -> SourceFile | None:
        if text is None:
            return None
        lines, changed = text
        if self._whole[file]:
            return SourceFile(file, tuple(enumerate(lines, 1)), changed)
        near = {number for wanted in self._wanted[file] for number in range(wanted - _AROUND, wanted + _AROUND + 1)}
        return SourceFile(file, tuple((n, lines[n - 1]) for n in sorted(near) if 0 < n <= len(lines)), changed)


def _lines(name: str, process: Process | None, pid: int) -> tuple[list[str], bool] | None:
    """(lines, whether the file changed since the process began). A name that is not absolute is meant from the folder
    that the process began in, as far as that is known."""
    path = name if name.startswith("/") else f"{(process.cwd if process else None) or ''}/{name}"
    found = read_source(pid or os.getpid(), path)
    if found is None:
        return None
    text, changed = found
    return [
        line.rstrip()[:500] for line in text.splitlines()
    ], process is not None and changed > process.started + _SLACK
