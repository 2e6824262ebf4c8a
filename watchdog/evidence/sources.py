"""The source around what was seen, as it is on disk now. Read only; nothing of it is imported or run."""

from __future__ import annotations

import ast
import os
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import function, is_application, with_beside
from watchdog.evidence.beside import Beside
from watchdog.model.evidence import Frame, Installed, SourceFile
from watchdog.model.process import Process
from watchdog.system import here
from watchdog.system.disk import target_files
from watchdog.system.disk.files import Reading
from watchdog.system.disk.moved import SLACK, Moved, may_be_moved
from watchdog.system.disk.parts import Part
from watchdog.system.disk.sources import read_sources, source_in
from watchdog.system.process import rights
from watchdog.system.process.rights import Rights

_LOG = -1  # stands for a process where a log names the file
_AROUND = 3  # lines on each side, for code that is not the application's
_FILES = 500
_TOLD = 5  # files of which it is said that they were not read
_BESIDE = 40  # further files that those import


class Sources:
    """Reads each file once: the looks at one server come back to the same lines again and again.

    Each with the rights of the process that named it, as they were before it was asked for names. What stands in a log
    may have been written by any process of the server: it is read only if all of them may read it, and with `user`'s
    rights where nothing runs.
    """

    def __init__(self, user: str | None = None) -> None:
        self.refused: dict[str, str] = {}  # path -> why it was not read
        self.elsewhere: dict[str, str] = {}  # path -> where the file is now; empty where it was not found
        self._moved: dict[int, Moved] = {}  # by process
        self._calls: defaultdict[str, set[tuple[int, str]]] = defaultdict(set)  # (line, function) seen in a file
        self._user = user
        self._rights: dict[int, Rights | None] = {}
        self._read: dict[str, tuple[list[str], bool]] = {}
        self._asked: set[tuple[int, str]] = set()
        self._wanted: defaultdict[str, set[int]] = defaultdict(set)
        self._whole: dict[str, bool] = {}
        self._beside = 0
        self._packages = Beside()

    def meet(self, pids: Iterable[int]) -> None:
        """Note the rights of these processes, before they are asked for names of files."""
        for pid in pids:
            now = rights.of(pid)
            before = self._rights.setdefault(pid, now)
            if now is not None and before is not None and now != before and before.uid == 0:
                self._rights[pid] = None  # it has given up root's rights: whose names are these?
            target_files.prepare(now)

    @property
    def installed(self) -> tuple[Installed, ...]:
        """Packages beside the application, as far as their files were seen."""
        return self._packages.found

    def rights(self, pid: int) -> Rights | None:
        """What the process might read before it was asked for names; None where that is not known."""
        return self._rights.get(pid)

    def reading(self, pid: int) -> Reading:
        """Reads a file that this process named."""
        return partial(target_files.read_file, self._rights.get(pid))

    def read(
        self, frames: Iterable[tuple[int, Frame]], processes: Iterable[Process], in_logs: Iterable[Frame] = ()
    ) -> tuple[SourceFile, ...]:
        """Files of the application whole, of libraries the lines around the frames, each with its process."""
        known = {process.pid: process for process in processes}
        self.meet(known.keys() - self._rights.keys())
        new: defaultdict[int, list[str]] = defaultdict(list)
        for pid, frame in (*frames, *((_LOG, frame) for frame in in_logs)):
            if not frame.file.startswith("<"):
                self._wanted[frame.file].add(frame.line)
                self._calls[frame.file].update([(frame.line, function(frame))] if frame.function else [])
                if self._is_new(pid, frame.file) and len(self._asked) < _FILES:
                    new[pid].append(frame.file)
                    self._asked.add((pid, frame.file))
        for pid, names in new.items():
            if pid != _LOG:
                self._packages.meet(self._rights.get(pid), [_absolute(name, known.get(pid)) for name in names])
        with with_beside(self.installed):
            for pid, names in new.items():
                self._whole.update((name, is_application(Frame("", name, 0))) for name in names)
                self._take(pid, names, known)
        found = (self._source(file, text) for file, text in self._read.items())
        return tuple(source for source in found if source is not None)

    def unread(self) -> Iterator[tuple[str, str]]:
        """Files that were not read under their own name, and why. Whoever opens the file that a finding names must know
        that another one stands there now, or none."""
        yield from ((path, f"{path}: {reason}") for path, reason in islice(self.refused.items(), _TOLD))
        for path, now in islice(self.elsewhere.items(), _TOLD):
            if now:
                yield path, f"{path} was moved or replaced after the start; its source was read in {now}"
            else:
                yield path, f"{path} is not there any more, and was not found elsewhere; its lines have no text"

    def _is_new(self, pid: int, file: str) -> bool:
        return file not in self._read and (pid, file) not in self._asked

    def _take(self, pid: int, names: list[str], known: dict[int, Process]) -> None:
        """These files, and what a file of the application imports from beside it: a line at fault may be on no stack
        any more."""
        process = known.get(pid)
        names = [name for name in names if name not in self._read]  # a log names what a stack has named already
        told = True
        while names:
            whole = {name: _absolute(name, process) for name in names}
            parts = self._parts(pid, list(whole.values()), known)
            for name, path in whole.items():
                part = self._now(name, path, parts[path], process, told) if process is not None else parts[path]
                self._keep(name, part, process, told)
            names, told = self._neighbours(pid, names), False

    def _now(self, name: str, path: str, part: Part, process: Process, told: bool) -> Part:
        """The file as it was when the process started, where its folder was renamed or replaced since."""
        search = told and self._whole[name]
        fits = partial(self._fits, name)
        found = source_in(part)
        changed = found is not None and (found[1] > process.started + SLACK or (search and not fits(found[0])))
        if not (part.missing or changed) or not may_be_moved(path):
            return part
        moved = self._moved.setdefault(process.pid, Moved(self._rights.get(process.pid), process.cwd, process.started))
        elsewhere = moved.find(path, missing=part.missing, fits=fits) if search else moved.known(path)
        if elsewhere is not None:
            self.elsewhere[name] = elsewhere[0]
        elif search and part.missing:
            self.elsewhere[name] = ""
        return elsewhere[1] if elsewhere is not None else part

    def _fits(self, name: str, text: str) -> bool:
        """Whether the calls that were seen in the file can have been made in this text."""
        return shape.has_functions(SourceFile(name, tuple(enumerate(_lines(text), 1))), self._calls[name])

    def _keep(self, name: str, part: Part, process: Process | None, told: bool) -> None:
        found = source_in(part)
        if found is not None:
            text, changed = found
            self._read[name] = _lines(text), process is not None and changed > process.started + SLACK
            self.refused.pop(name, None)
            self._beside += not told
        elif part.denied and told:
            self.refused[name] = part.error or ""

    def _neighbours(self, pid: int, names: Iterable[str]) -> list[str]:
        texts = ((name, self._read[name][0]) for name in names if name in self._read and self._whole[name])
        beside = [path for name, lines in texts for path in modules_beside(name, "\n".join(lines))]
        new = [path for path in dict.fromkeys(beside) if self._is_new(pid, path) and is_application(Frame("", path, 0))]
        if self._beside >= _BESIDE:
            return []
        self._asked.update((pid, path) for path in new)
        self._whole.update(dict.fromkeys(new, True))
        return new

    def _parts(self, pid: int, paths: list[str], known: Iterable[int]) -> dict[str, Part]:
        if pid != _LOG:
            self.meet({pid} - self._rights.keys())
            return read_sources(self._rights.get(pid), paths)
        found: dict[str, Part] = {}
        for one in self._of_all(known):
            for path, part in read_sources(one, paths).items():
                if path not in found or found[path].error is None:
                    found[path] = part
        return found

    def _of_all(self, known: Iterable[int]) -> list[Rights | None]:
        """The different rights of the server's processes. What ends meanwhile is stood for by its user alone."""
        seen = {self._rights.get(pid) for pid in known}
        return [one if one is None or one.elsewhere else replace(one, pid=0) for one in seen] or [
            rights.of_user(self._user)
        ]

    def _source(self, file: str, text: tuple[list[str], bool]) -> SourceFile | None:
        lines, changed = text
        if self._whole[file]:
            return SourceFile(file, tuple(enumerate(lines, 1)), changed)
        near = {number for wanted in self._wanted[file] for number in range(wanted - _AROUND, wanted + _AROUND + 1)}
        return SourceFile(file, tuple((n, lines[n - 1]) for n in sorted(near) if 0 < n <= len(lines)), changed)


def _lines(text: str) -> list[str]:
    return [line.rstrip()[:500] for line in text.splitlines()]


def _absolute(name: str, process: Process | None) -> str:
    """A name that is not absolute is meant from the folder that the process began in, as far as that is known."""
    return name if here.is_absolute(name) else f"{(process.cwd if process else None) or ''}/{name}"


def modules_beside(file: str, text: str) -> list[str]:
    """Where the modules would lie that a file imports, if they lie in its own folder, or beside its package."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    slash = "/" if "/" in file else os.sep
    folder = file.rpartition(slash)[0]
    found: list[str] = []
    for node in nodes:
        names, places = [one.name for one in node.names], [folder, folder.rpartition(slash)[0]]
        if isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{one}" for one in names)] if node.module else names
            for _ in range(1, node.level):
                places = [place.rpartition(slash)[0] for place in places]
        for name in names:
            path = name.replace(".", slash)
            found += [
                f"{place}{slash}{path}{end}" for place in places if place for end in (".py", f"{slash}__init__.py")
            ]
    return list(dict.fromkeys(found))
