"""Checked playbooks, kept beside the state, so that the same file need not be read as YAML and checked at each command.

The schema and its library take longer to build than most commands to run. What is kept is the record itself, as JSON,
and only where reading it back gives the very same record. It counts for the same bytes of the file, checked by the same
wd and Python, in a home with the same runbooks, and is read under the rules for the playbook itself. What is not there,
not ours or damaged is not used: then the file is checked again. A playbook in which a secret stands is not kept twice.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from watchdog.library import shelf
from watchdog.model import playbook as model
from watchdog.model.errors import WdError
from watchdog.model.playbook import Playbook
from watchdog.model.release import VERSION
from watchdog.model.routes import Hours, Route
from watchdog.model.selector import Selector
from watchdog.system.disk import files
from watchdog.system.disk.trust import LIMIT, check_trusted_folder, read_trusted

FOLDER = "checked"
_PACKAGE = Path(__file__).parents[1]
_ROOMS = ("config", "probes", "checks", "model", "text", "library")  # whose code says what a playbook means
_RECORDS: dict[str, type[Any]] = {
    one.__name__: one
    for one in (
        *(model.Playbook, model.Start, model.Ready, model.Limits, model.Threshold, model.Percent, model.ProbeSpec),
        *(model.CheckSpec, model.TriggerSpec, model.Backoff, model.GiveUp, model.Policy, model.Sidecar),
        *(Selector, Route, Hours),
    )
}
_KIND = "record"  # the key under which the name of a record stands
_UNUSABLE = (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, WdError)


class Remembered:
    """Of one home. Without `keeps` it only reads."""

    def __init__(self, home: Path, keeps: bool = True) -> None:
        self.home, self._keeps = home, keeps

    def get(self, path: Path, content: bytes) -> Playbook | None:
        """What these bytes of this file meant; None if nobody knows any more."""
        folder = self._folder
        if folder is None or not (folder / _name(path)).exists():
            return None
        try:
            key, text = json.loads(read_trusted(folder / _name(path)))
            found = _decoded(json.loads(text)) if key == self._key(path, content, text) else None
        except _UNUSABLE:
            return None
        return found if isinstance(found, Playbook) else None

    def keep(self, path: Path, content: bytes, found: Playbook) -> None:
        """For later commands; silently not, where that cannot be or must not be."""
        if not self._keeps:
            return
        with contextlib.suppress(*_UNUSABLE):
            text = json.dumps(_encoded(found))
            folder = self._folder
            if folder is None or _decoded(json.loads(text)) != found or _holds_a_secret(found, content):
                return
            kept = json.dumps([self._key(path, content, text), text])
            if len(kept) <= LIMIT:
                with files.open_folder(folder) as opened:
                    opened.write(_name(path), kept, settle=False)

    @functools.cached_property
    def _folder(self) -> Path | None:
        """None where others could change what stands in it."""
        with contextlib.suppress(*_UNUSABLE):
            state = files.state_folder(self.home)
            return None if check_trusted_folder(state) else state / FOLDER
        return None

    def _key(self, path: Path, content: bytes, text: str) -> str:
        """Of all that the record depends on, and of the record as it is kept."""
        parts = (content, text.encode(), os.fsencode(path), os.fsencode(self.home.absolute()), self._runbooks, _code())
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()

    @functools.cached_property
    def _runbooks(self) -> bytes:
        """A trigger names runbooks: a playbook is right only as long as they are there."""
        return "\n".join(sorted(shelf.of_home("runbooks", self.home))).encode("utf-8", "surrogateescape")


@functools.cache
def _code() -> bytes:
    """Which wd this is, on which Python: both say what is right in a playbook."""
    facts = [VERSION, *map(str, sys.version_info[:3]), *_facts(_PACKAGE.parent / "runbooks")]
    for room in _ROOMS:
        facts += _facts(_PACKAGE / room)
    return "\n".join(facts).encode()


def _facts(folder: Path) -> Iterator[str]:
    """Names, sizes and times of what is in a folder; nothing if it is not there."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.name.endswith((".py", ".md")):
                facts = entry.stat()
                yield f"{entry.path} {facts.st_size} {facts.st_mtime_ns}"


def _name(path: Path) -> str:
    """Two files of one name, as of homes that share a state folder, push each other out: the key tells them apart."""
    return f"{path.name}.json"


def _holds_a_secret(found: Playbook, content: bytes) -> bool:
    from watchdog.text.redact import redact, redact_data

    text, env = content.decode("utf-8", "replace"), dict(found.start.env)
    return redact(text) != text or redact_data(env) != env


def _encoded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_encoded(one) for one in value]
    kind = type(value)
    if _RECORDS.get(kind.__name__) is kind:
        return {_KIND: kind.__name__, **{name: _encoded(getattr(value, name)) for name in kind.__annotations__}}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{kind.__name__} is not kept")


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_decoded, value))
    if isinstance(value, dict):
        kind = _RECORDS[value.pop(_KIND)]
        return kind(**{name: _decoded(one) for name, one in value.items()})
    return value
