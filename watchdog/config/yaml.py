"""YAML without its traps: every value is text until the schema says what it means, and every mistake has its place.

Read from the parser's events, not from a finished document: nesting, size, aliases and tags are seen before anything is
built of them, a key `on` stays `on`, `22:22` stays `22:22`, and a second key of the same name is reported instead
of winning.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from dataclasses import field
from typing import Any

from watchdog.config.mistakes import Mistake, shown
from watchdog.model.errors import BadConfig
from watchdog.model.records import record

LIMIT = 256 * 1024  # bytes
DEEPEST = 20
MOST_VALUES = 20_000
LONGEST_READING = 5.0  # seconds of CPU time, so that a busy machine makes no playbook wrong; it takes milliseconds
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})

Place = tuple[int, int]
Path = tuple[str | int, ...]


class Plain(str):
    """A value written without quotes: where the schema leaves it open, it may mean a number, true or false."""


@record
class Document:
    """What a file says. Texts are `str` (quoted) or `Plain`; an empty value is None."""

    file: str
    data: Any = None
    mistakes: list[Mistake] = field(default_factory=list)
    usable: bool = False  # False: no data could be made of it, the mistakes say why
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)

    def mistake(self, path: Path, message: str, got: str | None = None, *, at_key: bool = False) -> None:
        """Note a mistake at the value of this path (or its key), or at the nearest thing above that is there."""
        line, column = self.place(path, at_key=at_key)
        self.mistakes.append(Mistake(self.file, line, column, name(path), message, got))

    def place(self, path: Path, *, at_key: bool = False) -> Place:
        first, second = (self.keys, self.values) if at_key else (self.values, self.keys)
        while path:
            if found := first.get(path) or second.get(path):
                return found
            path = path[:-1]
        return self.values.get((), (1, 1))


def name(path: Path) -> str:
    """("probes", "health", "every") as people write it: probes.health.every, triggers[0].run."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text if text.isprintable() and len(text) <= 200 else repr(text[:200])


def read(content: bytes, file: str, first_line: int = 1) -> Document:
    """One document; never raises. `first_line` is the number of the first line where the text is part of a file."""
    document = Document(file)
    if len(content) > LIMIT:
        document.mistake((), f"a file of more than {LIMIT // 1024} KiB is not read")
        return document
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + first_line
        document.mistakes.append(
            Mistake(file, line, 1, "", "the text is not UTF-8", f"byte 0x{content[error.start]:02x}")
        )
        return document
    _Builder(document, first_line).build(text)
    return document


def unreadable(file: str, error: BadConfig) -> Mistake:
    """A file that could not even be opened, as a mistake beside those of other files."""
    return Mistake(file, 1, 1, "", ": ".join(line for line in (error.why, error.todo) if line) or error.what)


class _Stop(Exception):
    """Ends the reading; the mistake has been noted."""


@record
class _Open:
    """A mapping or list under construction."""

    into: dict[str, Any] | list[Any]
    path: Path
    keep: bool  # False: it stands under a second key of the same name, and is only walked over
    key: str | None = None  # of a mapping: the key whose value comes next
    repeated: bool = False  # that key was there already


class _Builder:
    def __init__(self, document: Document, first_line: int) -> None:
        self._document, self._offset = document, first_line
        self._stack: list[_Open] = []
        self._count = 0

    def build(self, text: str) -> None:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError
        from ruamel.yaml.reader import ReaderError

        latest = time.thread_time() + LONGEST_READING
        # The plain parser: the round-trip one costs more and keeps only comments, which nobody here writes back.
        events: Iterator[Any] = YAML(typ="safe", pure=True).parse(io.StringIO(text))
        try:
            for event in events:
                self._take(event)
                if time.thread_time() > latest:
                    self._stop(event.start_mark, f"it takes more than {LONGEST_READING:g} s of CPU time to read")
        except _Stop:
            return
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._note(mark, f"this is not YAML: {_sentence(error)}")
            return
        except ReaderError as error:
            line = text.count("\n", 0, error.position) if isinstance(error.position, int) else 0
            odd = shown(chr(error.character))
            self._document.mistakes.append(
                Mistake(self._document.file, line + self._offset, 1, "", "a character that YAML does not allow", odd)
            )
            return
        except Exception as error:  # noqa: BLE001  (the parser's own slips on broken input, OverflowError for one)
            self._note(None, f"this is not YAML: the parser gave up ({type(error).__name__})")
            return
        if () not in self._document.values:
            self._document.mistake((), "the file is empty")
            return
        self._document.usable = True

    def _take(self, event: Any) -> None:
        kind = type(event).__name__
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._check_extras(event)
            self._begin(event, {} if kind == "MappingStartEvent" else [])
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._stack.pop()
        elif kind == "ScalarEvent":
            self._check_extras(event)
            self._scalar(event)
        elif kind == "AliasEvent":
            self._stop(event.start_mark, "an alias (*name) is not used here: write the value out")
        elif kind == "DocumentStartEvent" and () in self._document.values:
            self._stop(event.start_mark, "only one document a file: take away the second ---")

    def _check_extras(self, event: Any) -> None:
        self._count += 1
        if self._count > MOST_VALUES:
            self._stop(event.start_mark, f"more than {MOST_VALUES} values")
        if event.tag is not None:
            self._note(event.start_mark, f"a tag is not used here: take away {shown(str(event.tag))}")
        if event.anchor is not None:
            self._note(event.start_mark, "an anchor (&name) is not used here: write the value out where it is needed")

    def _begin(self, event: Any, into: dict[str, Any] | list[Any]) -> None:
        if len(self._stack) >= DEEPEST:
            self._stop(event.start_mark, f"nested deeper than {DEEPEST} levels")
        above = self._stack[-1] if self._stack else None
        if above and isinstance(above.into, dict) and above.key is None:
            self._stop(event.start_mark, "a key must be a word, not a mapping or a list")
        path, keep = self._put(event, into)
        self._stack.append(_Open(into, path, keep))

    def _scalar(self, event: Any) -> None:
        above = self._stack[-1] if self._stack else None
        if above and isinstance(above.into, dict) and above.key is None:
            self._new_key(event, above, above.into)
            return
        plain = not event.style
        value = (None if event.value in _NOTHING else Plain(event.value)) if plain else str(event.value)
        self._put(event, value)

    def _new_key(self, event: Any, above: _Open, into: dict[str, Any]) -> None:
        above.key = str(event.value)
        above.repeated = above.key in into
        path = (*above.path, above.key)
        place = self._place(event.start_mark)
        if above.keep and above.repeated:
            first = self._document.keys[path][0]
            message = f"the key stands here twice; the first is in line {first}"
            self._document.mistakes.append(Mistake(self._document.file, *place, name(path), message))
        elif above.keep:
            self._document.keys[path] = place

    def _put(self, event: Any, value: Any) -> tuple[Path, bool]:
        """Set a value into what is open; tells its path, and whether anybody will look at it."""
        if not self._stack:
            self._document.data = value
            self._document.values[()] = self._place(event.start_mark)
            return (), True
        above = self._stack[-1]
        step: str | int
        if isinstance(above.into, list):
            step, keep = len(above.into), above.keep
            above.into.append(value)
        else:
            step, keep = above.key or "", above.keep and not above.repeated
            if keep:
                above.into[step] = value
            above.key = None
        path = (*above.path, step)
        if keep:
            # The parser places an empty value where the next thing begins, which may be lines below.
            place = self._document.keys.get(path) if value is None else None
            self._document.values[path] = place or self._place(event.start_mark)
        return path, keep

    def _place(self, mark: Any) -> Place:
        return (mark.line + self._offset, mark.column + 1)

    def _note(self, mark: Any, message: str) -> None:
        place = self._place(mark) if mark is not None else (self._offset, 1)
        self._document.mistakes.append(Mistake(self._document.file, *place, "", message))

    def _stop(self, mark: Any, message: str) -> None:
        self._note(mark, message)
        raise _Stop


# What the parser calls it, and what a person can do about it.
_REMEDIES = (
    ("mapping values are not allowed here", "a value with ': ' in it needs quotes, or the line before lacks its ': '"),
    ("could not find expected ':'", "a line without ': ' between key and value"),
    ("unexpected end of stream", "a quote or bracket is not closed"),
    ("but got '<stream end>'", "a quote or bracket is not closed"),
    ("expected <block end>", "the indentation does not fit the lines above, or the value needs quotes"),
    ("'\\t'", "a tab stands where only spaces may; indent with spaces"),
    ("cannot start any token", "a value that begins with this character needs quotes"),
)


def _sentence(error: Any) -> str:
    problem = " ".join(str(error.problem or error.context or "it cannot be parsed").split())[:160]
    return next((remedy for words, remedy in _REMEDIES if words in problem), problem)
