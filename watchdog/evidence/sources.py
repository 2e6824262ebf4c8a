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


def read(frames: Iterable[tuple[int, Frame]], processes: Iterable[Process]) -> tuple[SourceFile, ...]:
    """Files of the application whole, of libraries the lines around the frames. Each frame comes with its process."""
    known = {process.pid: process for process in processes}
    wanted: defaultdict[str, set[int]] = defaultdict(set)
    whole: dict[str, bool] = {}
    owner: dict[str, int] = {}
    for pid, frame in frames:
        if not frame.file.startswith("<"):
            wanted[frame.file].add(frame.line)
            whole[frame.file] = is_application(frame)
            owner.setdefault(frame.file, pid)
    ranked = sorted(wanted, key=lambda file: not whole[file])[:_FILES]
    found = (_file(file, wanted[file], whole[file], known.get(owner[file])) for file in ranked)
    return tuple(source for source in found if source is not None)


def _file(name: str, lines: set[int], whole: bool, process: Process | None) -> SourceFile | None:
    """A name that is not absolute is meant from the folder that the process began in, as far as that is known."""
    path = name if name.startswith("/") else f"{(process.cwd if process else None) or ''}/{name}"
    found = read_source(process.pid if process else os.getpid(), path)
    if found is None:
        return None
    text, changed = found
    kept = [
        (number, line.rstrip()[:500])
        for number, line in enumerate(text.splitlines(), 1)
        if whole or any(abs(number - wanted) <= _AROUND for wanted in lines)
    ]
    return SourceFile(name, tuple(kept), process is not None and changed > process.started + _SLACK)
