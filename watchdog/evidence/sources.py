"""The source around what was seen, as it is on disk now. Read only; nothing of it is imported or run."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from watchdog.diagnosis.code import is_application
from watchdog.model.evidence import Frame, SourceFile
from watchdog.model.process import Process

_LARGEST = 2_000_000  # bytes of one file
_AROUND = 3  # lines on each side, for code that is not the application's
_FILES = 200


def read(frames: Iterable[Frame], processes: Iterable[Process]) -> tuple[SourceFile, ...]:
    """Files of the application whole, of libraries the lines around the frames."""
    known = list(processes)
    started = min((process.started for process in known), default=0.0)
    folder = next((process.cwd for process in known if process.cwd), None)
    wanted: defaultdict[str, set[int]] = defaultdict(set)
    whole: dict[str, bool] = {}
    for frame in frames:
        if not frame.file.startswith("<"):
            wanted[frame.file].add(frame.line)
            whole[frame.file] = is_application(frame)
    ranked = sorted(wanted, key=lambda file: not whole[file])[:_FILES]
    found = (_file(file, wanted[file], whole[file], folder, started) for file in ranked)
    return tuple(source for source in found if source is not None)


def _file(name: str, lines: set[int], whole: bool, folder: str | None, started: float) -> SourceFile | None:
    path = Path(name) if name.startswith("/") else Path(folder or "/", name)
    try:
        # O_NONBLOCK: the name comes from the watched program and may be a FIFO.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > _LARGEST:
            return None
        text = file.read(_LARGEST).decode("utf-8", "replace").splitlines()
    kept = [
        (number, line.rstrip()[:500])
        for number, line in enumerate(text, 1)
        if whole or any(abs(number - wanted) <= _AROUND for wanted in lines)
    ]
    return SourceFile(name, tuple(kept), bool(started) and facts.st_mtime > started)
