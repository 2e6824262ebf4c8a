"""The source around what was seen, as it is on disk now. Read only; nothing of it is imported or run."""

from __future__ import annotations

import ast
import os
import warnings
from collections import defaultdict
from collections.abc import Iterable

from watchdog.diagnosis.code import is_application
from watchdog.model.evidence import Frame, SourceFile
from watchdog.model.process import Process
from watchdog.system.disk.sources import read_source

_AROUND = 3  # lines on each side, for code that is not the application's
_FILES = 200
_BESIDE = 40  # further files that those import
_SLACK = 2.0  # seconds between a file's time stamp and the process's start that may be measuring error


class Sources:
    """Reads each file once: the looks at one server come back to the same lines again and again."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[list[str], bool] | None] = {}
        self._wanted: defaultdict[str, set[int]] = defaultdict(set)
        self._whole: dict[str, bool] = {}
        self._beside = 0

    def read(self, frames: Iterable[tuple[int, Frame]], processes: Iterable[Process]) -> tuple[SourceFile, ...]:
        """Files of the application whole, of libraries the lines around the frames, each with its process."""
        known = {process.pid: process for process in processes}
        for pid, frame in frames:
            if frame.file.startswith("<"):
                continue
            self._wanted[frame.file].add(frame.line)
            if frame.file not in self._read and len(self._read) < _FILES:
                self._whole[frame.file] = is_application(frame)
                self._read[frame.file] = _lines(frame.file, known.get(pid), pid)
                self._neighbours(frame.file, known.get(pid), pid)
        found = (self._source(file, text) for file, text in self._read.items())
        return tuple(source for source in found if source is not None)

    def _neighbours(self, file: str, process: Process | None, pid: int) -> None:
        """What a file of the application imports from beside it: a line at fault may be on no stack any more."""
        begun = [file]
        while begun:
            text = self._read.get(here := begun.pop())
            beside = modules_beside(here, "\n".join(text[0])) if text is not None and self._whole[here] else []
            for path in beside:
                if path in self._read or self._beside >= _BESIDE or not is_application(Frame("", path, 0)):
                    continue
                if (lines := _lines(path, process, pid)) is not None:
                    self._whole[path], self._read[path] = True, lines
                    self._beside += 1
                    begun.append(path)

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


def modules_beside(file: str, text: str) -> list[str]:
    """Where the modules would lie that a file imports, if they lie in its own folder, or beside its package."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    folder = file.rpartition("/")[0]
    found: list[str] = []
    for node in nodes:
        names, places = [one.name for one in node.names], [folder, folder.rpartition("/")[0]]
        if isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{one}" for one in names)] if node.module else names
            for _ in range(1, node.level):
                places = [place.rpartition("/")[0] for place in places]
        for name in names:
            path = name.replace(".", "/")
            found += [f"{place}/{path}{end}" for place in places if place for end in (".py", "/__init__.py")]
    return list(dict.fromkeys(found))
