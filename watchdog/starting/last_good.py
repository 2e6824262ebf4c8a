"""What a service was when it last started well, and what has changed since: the first question after a failed start.

Kept are the command, the names of its variables, hashes of its program files, and the versions of the packages in its
environment. Files are those that the command names, and the source and settings below the service's folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from watchdog.journal.store import Journal
from watchdog.model.playbook import Playbook, Start
from watchdog.model.records import record
from watchdog.system import clock, here
from watchdog.system.child import service_env
from watchdog.system.clock import Deadline
from watchdog.text.units import format_duration

NAME = "last good start"  # under which the journal keeps it
_SOURCES = (".py", ".toml", ".cfg", ".ini", ".conf", ".yml", ".yaml")
_NOT_OURS = {"node_modules", "site-packages", "__pycache__", "venv", "env"}
_MOST_FILES, _LARGEST, _DEEP = 500, 64 << 20, 5
_WITHIN = 1.0  # seconds for all of it
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NAMED = 5  # changes of one kind that are named


@record(frozen=True)
class GoodStart:
    """What can be compared. `whole`: no file was left out for want of time or room."""

    at: float
    command: tuple[str, ...]
    variables: tuple[str, ...]
    files: dict[str, str]  # path: the beginning of its sha256
    packages: dict[str, str]  # name: version
    whole: bool

    def text(self) -> str:
        return json.dumps(asdict(self))


def compare(journal: Journal, playbook: Playbook, *, started_well: bool) -> str:
    """What has changed since it last started well, in a line; empty where nothing is known. A good start is kept."""
    now = look(playbook.start) if playbook.start.command else None
    if now is None:
        return ""
    then = from_text(journal.kept(playbook.service, NAME))
    if started_well:
        journal.keep(playbook.service, NAME, now.text())
    if then is None:
        return ""
    found = "; ".join(changed(then, now)) or "nothing in its command, variables, files and packages"
    return f"since its last good start, {format_duration(max(0.0, now.at - then.at))} ago: {found}"


def from_text(text: str) -> GoodStart | None:
    """None if nothing was kept, or nothing that can be read."""
    try:
        found = json.loads(text)
        return GoodStart(**{**found, "command": tuple(found["command"]), "variables": tuple(found["variables"])})
    except (ValueError, TypeError, KeyError):
        return None


def look(start: Start) -> GoodStart | None:
    """The service's program as it is now; what cannot be read is left out. None if its disk does not answer in time."""
    found: list[GoodStart] = []
    # In a thread that can be left: a file server that is gone lets nobody go who asks it.
    thread = threading.Thread(target=lambda: found.append(_look(start)), daemon=True, name="wd-last-good")
    thread.start()
    thread.join(2 * _WITHIN)
    return found[0] if found else None


def _look(start: Start) -> GoodStart:
    end, files = Deadline(_WITHIN), {}
    try:
        env = service_env.environment(start)
    except (OSError, LookupError, ValueError):
        env = dict(start.env)
    paths = list(islice(dict.fromkeys(_files(start, env.get("PATH", os.defpath))), _MOST_FILES + 1))
    for path in paths[:_MOST_FILES]:
        if not end.over and (digest := _digest(path)) is not None:
            files[str(path)] = digest
    whole = not end.over and len(paths) <= _MOST_FILES
    return GoodStart(clock.now(), start.command, tuple(sorted(env)), files, _packages(start), whole)


def changed(then: GoodStart, now: GoodStart) -> tuple[str, ...]:
    """The differences, a phrase each; empty if there are none."""
    found = []
    if then.command != now.command:
        found.append(f"the command was: {' '.join(then.command)}")
    found += _of("variable", dict.fromkeys(then.variables, ""), dict.fromkeys(now.variables, ""))
    found += _of("file", then.files, now.files, tells_new=then.whole and now.whole)
    found += _of("package", then.packages, now.packages, shows=True)
    return tuple(found)


def _of(
    kind: str, then: Mapping[str, str], now: Mapping[str, str], *, tells_new: bool = True, shows: bool = False
) -> Iterator[str]:
    other = sorted(one for one in then.keys() & now.keys() if then[one] != now[one])
    if other:
        yield f"changed {kind} {_list(f'{one} {then[one]} -> {now[one]}' if shows else one for one in other)}"
    for word, names in (("new", now.keys() - then.keys()), ("removed", then.keys() - now.keys())):
        if names and tells_new:
            yield f"{word} {kind} {_list(sorted(names))}"


def _list(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more


def _files(start: Start, search: str) -> Iterator[Path]:
    folder = Path(start.cwd or "/")
    program = start.command[0] if start.command else ""
    found = str(folder / program) if here.has_folder(program) else shutil.which(program, path=search)
    if found:
        yield Path(found).resolve()
    for word in (*start.command[1:], start.env_file or ""):
        if word and len(word) < 1024 and "\0" not in word and (folder / word).is_file():
            yield folder / word
    yield from _sources(folder)


def _sources(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        deep = len(Path(place).parts) - len(folder.parts)
        wanted = sorted(one for one in folders if one not in _NOT_OURS and not one.startswith("."))
        folders[:] = [one for one in wanted if not Path(place, one, "pyvenv.cfg").exists()] if deep < _DEEP else []
        yield from (Path(place, name) for name in sorted(names) if name.endswith(_SOURCES))


def _digest(path: Path) -> str | None:
    """Of a regular file; of a very large one its size and age stand for it."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | _NO_WAIT), "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                return None
            if facts.st_size > _LARGEST:
                return f"{facts.st_size}-{facts.st_mtime_ns}"
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError:
        return None


def _packages(start: Start) -> dict[str, str]:
    """Of the environment that the program belongs to."""
    program = start.command[0] if start.command else ""
    if not here.has_folder(program):
        return {}
    top = (Path(start.cwd or "/") / program).parent.parent
    found = {}
    for folder in (*top.glob("lib/python3*/site-packages"), *top.glob("Lib/site-packages")):
        for one in folder.glob("*.dist-info"):
            if match := re.fullmatch(r"(.+)-([^-]+)", one.name.removesuffix(".dist-info")):
                found[match[1]] = match[2]
    return found
