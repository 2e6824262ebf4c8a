"""Files whose names come from a process: opened with that process's rights, below its own root folder, or not at all.

The name of a source file, of a log or of a folder is what the process says it is. Opened with wd's own rights, every
such name could make root read a file for a user who may not. So wherever we may more than the process, a child of ours
takes on its rights and reads (`reading_child`); otherwise the file is simply opened.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import errno
import json
import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence

from watchdog.system.child import interpreter
from watchdog.system.disk.parts import Part, What, look_at, names_of, part_of
from watchdog.system.linux import rights
from watchdog.system.linux.answers import Answers, Stalled
from watchdog.system.linux.own_child import OwnChild
from watchdog.system.linux.rights import Rights

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC  # flags that open one
_STALL = 0.7  # seconds for which the child may wait for one file
_WITHIN = 5.0  # seconds for one order
_STALLS = 3  # of one process's files; then the others are not tried either
_REMEMBER = 30.0  # seconds
_GONE = Part(error="its process has ended, or its rights cannot be told", code=errno.EPERM)
_CHANGED = Part(error="the rights of its process changed while it was looked at", code=errno.EPERM)
_LATE = Part(error="it did not answer in time")


def prepare(wanted: Rights | None) -> None:
    """Start the child now if it will be needed: it takes a moment, and there is something to do meanwhile."""
    if wanted is not None and rights.may_more(wanted):
        _HELPER.start()


def read_file(wanted: Rights | None, path: str, limit: int, *, end: bool = False) -> Part:
    """The beginning of one file, or its end, as a process of these rights could read it."""
    return read_files(wanted, [path], limit, end=end)[path]


def read_files(wanted: Rights | None, paths: Iterable[str], limit: int, *, end: bool = False) -> dict[str, Part]:
    """Each of them, in one go. `wanted` are the rights that the process had when it named them (None: not known)."""
    return _look(wanted, paths, "end" if end else "begin", limit)


def read_folders(wanted: Rights | None, paths: Iterable[str], limit: int) -> dict[str, tuple[str, ...]]:
    """The names in each of these folders, as many as fit into so many bytes; none where it cannot be read."""
    found = _look(wanted, paths, "names", limit)
    return {path: tuple(os.fsdecode(part.data).split("\n")[:-1]) for path, part in found.items()}


def _look(wanted: Rights | None, paths: Iterable[str], what: What, limit: int) -> dict[str, Part]:
    several = list(dict.fromkeys(paths))
    if refused := _refused(wanted):
        return dict.fromkeys(several, refused)
    if wanted is not None and rights.may_more(wanted):
        found = _HELPER.ask(wanted, several, limit, what)
        return {path: _in_words(part, wanted) for path, part in found.items()}
    if wanted is not None and wanted.elsewhere:
        return {path: _read_below(f"/proc/{wanted.pid}/root", path, what, limit) for path in several}
    return {path: look_at(path, what, limit) for path in several}


def present(wanted: Rights | None, paths: Iterable[str]) -> frozenset[str]:
    """Those of the paths that a process of these rights can see, as files or folders of whatever kind."""
    several = [path for path in dict.fromkeys(paths) if "\0" not in path]
    if _refused(wanted):
        return frozenset()
    if wanted is not None and rights.may_more(wanted):
        return frozenset(
            path for path, part in _HELPER.ask(wanted, several, 0, "presence").items() if part.error is None
        )
    below = f"/proc/{wanted.pid}/root" if wanted is not None and wanted.elsewhere else ""
    return frozenset(path for path in several if os.path.lexists(below + path))


def _refused(wanted: Rights | None) -> Part | None:
    """Why nothing is opened: we may read more than the process, and what it may read is not certain.

    Root's rights count only while the process keeps them. An ordinary user's rights give nothing away in any case.
    """
    if not rights.privileged():
        return None
    if wanted is None:
        return _GONE
    now = rights.of(wanted.pid) if wanted.pid else wanted
    if now is None:
        return _GONE if wanted.elsewhere else None
    return _CHANGED if now != wanted and wanted.uid == 0 else None


def _in_words(part: Part, wanted: Rights) -> Part:
    if part.code == errno.EACCES:
        return dataclasses.replace(part, error=f"{wanted.user} may not read it")
    return part


def _read_below(root: str, path: str, what: What, limit: int) -> Part:
    """A file or folder of our own user's container. No link is followed: one in there would lead into our own files."""
    try:
        here = os.open(root, _FOLDER)
        *folders, name = [part for part in path.split("/") if part]
        try:
            for folder in folders:
                inside = os.open(folder, _FOLDER | os.O_NOFOLLOW, dir_fd=here)
                os.close(here)
                here = inside
            kind = _FOLDER if what == "names" else os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
            opened = os.open(name, kind | os.O_NOFOLLOW, dir_fd=here)
        finally:
            os.close(here)
        if what != "names":
            return part_of(opened, limit, end=what == "end")
        try:
            return names_of(opened, limit)
        finally:
            os.close(opened)
    except (OSError, ValueError) as error:
        return Part(error=getattr(error, "strerror", None) or str(error), code=getattr(error, "errno", None) or 0)


class Helper:
    """Keeps one child and asks it; several threads take turns."""

    def __init__(self, command: Sequence[str] | None = None) -> None:
        self._lock = threading.Lock()
        self._child = OwnChild(command or interpreter.command("watchdog.system.linux.reading_child:main"), _STALL)
        self._stalls: dict[Rights, list[float]] = {}

    def start(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._child.ready()

    def ask(self, wanted: Rights, paths: Sequence[str], limit: int, what: What) -> dict[str, Part]:
        """A part for each path; one that stalls the child is given up, and a new child goes on with the next."""
        found: dict[str, Part] = {}
        until = time.monotonic() + _WITHIN
        if not self._lock.acquire(timeout=_WITHIN):
            return dict.fromkeys(paths, _LATE)
        try:
            waiting = list(paths)
            while waiting and time.monotonic() < until and not self._is_stuck(wanted):
                try:
                    self._ask(wanted, waiting, limit, what, until, found)
                except (Stalled, OSError, ValueError, KeyError, TypeError):
                    self._child.drop()
                    self._stalls.setdefault(wanted, []).append(time.monotonic())
                    late = next((path for path in waiting if path not in found), None)
                    if late is not None:
                        found[late] = _LATE
                waiting = [path for path in waiting if path not in found]
        finally:
            self._lock.release()
        return {path: found.get(path, _LATE) for path in paths}

    def _ask(
        self, wanted: Rights, paths: Sequence[str], limit: int, what: What, until: float, found: dict[str, Part]
    ) -> None:
        questions, answers = self._child.ready()
        order = {"rights": dataclasses.asdict(wanted), "paths": list(paths), "limit": limit, "what": what}
        os.write(questions, json.dumps(order).encode() + b"\n")
        answers.pid = int(answers.line(until))  # a child of the child reads the files
        for path in paths:
            found[path] = _part(answers, limit, until)

    def _is_stuck(self, wanted: Rights) -> bool:
        young = [when for when in self._stalls.get(wanted, ()) if time.monotonic() - when < _REMEMBER]
        self._stalls[wanted] = young
        return len(young) >= _STALLS

    def close(self) -> None:
        """End the child, if nobody is just asking it; otherwise it ends with this process."""
        if self._lock.acquire(timeout=0.2):
            try:
                self._child.drop()
            finally:
                self._lock.release()


def _part(answers: Answers, limit: int, until: float) -> Part:
    """Nothing in an answer is trusted but its form: the child stands in for a process that may be hostile."""
    head: Mapping[str, object] = json.loads(answers.line(until))
    length, size, modified, error, code = (head[key] for key in ("length", "size", "modified", "error", "code"))
    if (
        not isinstance(length, int)
        or not 0 <= length <= limit
        or not isinstance(size, int)
        or not isinstance(code, int)
    ):
        raise ValueError(length)
    return Part(
        answers.exactly(length, until),
        size,
        float(modified) if isinstance(modified, int | float) else None,
        str(error)[:300] if error is not None else None,
        code,
    )


_HELPER = Helper()
atexit.register(_HELPER.close)
