"""Bytes into messages and back, unchanged: one JSON value a line, or frames with a Content-Length header.

What is not a message is broken: it is counted and kept, never passed on as good. A message larger than the bound is
passed on in parts, since nobody can hold it; only its beginning is looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from typing import Any, Literal, NamedTuple, Protocol

Form = Literal["lines", "headers", "raw"]
# message: whole, with its value. part: of a message that is too large to be held. broken: not to be passed on.
Kind = Literal["message", "part", "broken", "blank"]

_HEADER = re.compile(rb"(?:content-type:[^\r\n]*\r?\n)*content-length:[ \t]*(\d{1,15})[ \t]*(?=\r?\n)", re.IGNORECASE)
_REST = re.compile(rb"(?:\r?\n[A-Za-z][A-Za-z0-9-]*:[^\r\n]*)*\r?\n\r?\n")
_BEGUN = re.compile(rb"(?:content-type:[^\r\n]*\r?\n)*[^\n]*\Z", re.IGNORECASE)
_WORD = b"content-length:"
_LONGEST_HEADER = 4096  # bytes


class Piece(NamedTuple):
    """What came out of the stream: the bytes as they were, and what they mean."""

    kind: Kind
    data: bytes
    value: Any = None  # of a message; of the first part of a large one None
    last: bool = True  # of a part


class Framer(Protocol):
    """One direction of one stream."""

    def feed(self, data: bytes) -> Iterator[Piece]: ...

    def rest(self) -> bytes:
        """What is there of a message that is not complete."""
        ...

    def padding(self) -> bytes:
        """What ends a message of which a part has been passed on already."""
        ...


def detect(beginning: bytes) -> Form | None:
    """How the first bytes of a host are framed; None if more are needed."""
    begin = beginning.lstrip()[:64].lower()
    if begin[:1] in (b"{", b"["):
        return "lines"
    names = (_WORD, b"content-type:")
    if any(begin.startswith(name) for name in names):
        return "headers"
    if not begin or any(name.startswith(begin) for name in names):
        return None
    return "raw"


def framer(form: Form, most: int) -> Framer:
    """`most` is the largest message that is held, in bytes."""
    made: dict[Form, type[Lines | Headers | Raw]] = {"lines": Lines, "headers": Headers, "raw": Raw}
    return made[form](most)


def encode(form: Form, message: dict[str, Any]) -> bytes:
    """A message of ours, framed as the host expects it."""
    text = json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(text), text) if form == "headers" else text + b"\n"


class Raw:
    """Not JSON: everything is passed on as it comes."""

    def __init__(self, most: int) -> None:
        pass

    def feed(self, data: bytes) -> Iterator[Piece]:
        yield Piece("part", data)

    def rest(self) -> bytes:
        return b""

    def padding(self) -> bytes:
        return b""


class Lines:
    """One JSON object or array a line."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: list[bytes] = []  # the beginning of a line
        self._size = 0
        self._passing = False  # the beginning of this line has been passed on

    def feed(self, data: bytes) -> Iterator[Piece]:
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            yield self._line(data[start : end + 1])
            start = end + 1
        if start < len(data):
            self._held.append(data[start:])
            self._size += len(data) - start
            if self._passing or self._size > self._most:
                self._passing = True
                yield Piece("part", self._taken(), last=False)

    def _line(self, end: bytes) -> Piece:
        self._held.append(end)
        line = self._taken()
        if self._passing:
            self._passing = False
            return Piece("part", line)
        return Piece("blank", line) if line.isspace() else judged(line, line)

    def _taken(self) -> bytes:
        line = self._held[0] if len(self._held) == 1 else b"".join(self._held)
        self._held, self._size = [], 0
        return line

    def rest(self) -> bytes:
        return b"".join(self._held)

    def padding(self) -> bytes:
        return b"\n" if self._passing else b""


class Headers:
    """Frames as in the Language Server Protocol."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._buffer = bytearray()
        self._wanted = 0  # bytes that the frame at the beginning of the buffer has in all; 0: its header is not read
        self._body = 0  # where its body begins
        self._left = 0  # bytes of a large frame that is being passed on in parts

    def feed(self, data: bytes) -> Iterator[Piece]:
        if self._left:
            part, data = data[: self._left], data[self._left :]
            self._left -= len(part)
            yield Piece("part", part, last=not self._left)
        if not data:
            return
        self._buffer += data
        while self._wanted or (yield from self._header()):
            if len(self._buffer) >= self._wanted:
                frame = self._take(self._wanted)
                yield judged(frame, frame[self._body :])
                self._wanted = 0
            elif self._wanted > self._most:
                part = self._take(len(self._buffer))
                self._left, self._wanted = self._wanted - len(part), 0
                yield Piece("part", part, last=False)
                return
            else:
                return

    def _header(self) -> Generator[Piece, None, bool]:
        """Find the next header; what stands before it is broken, line by line."""
        found = _HEADER.search(self._buffer)
        rest = _REST.match(self._buffer, found.end()) if found else None
        if found is not None and found.start():
            yield from self._garbage(found.start())
            return (yield from self._header())
        if found is not None and rest is not None:
            self._body = rest.end()
            self._wanted = rest.end() + int(found[1])
            return True
        if found is None or len(self._buffer) > _LONGEST_HEADER:
            # The last line may become a header: it stays, unless it is far too long for one.
            tail = _BEGUN.search(self._buffer) if len(self._buffer) <= _LONGEST_HEADER else None
            yield from self._garbage(tail.start() if tail else len(self._buffer))
        return False

    def _garbage(self, size: int) -> Iterator[Piece]:
        for line in self._take(size).splitlines(keepends=True):
            if not line.isspace():
                yield Piece("broken", line)

    def _take(self, size: int) -> bytes:
        taken = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return taken

    def rest(self) -> bytes:
        return bytes(self._buffer)

    def padding(self) -> bytes:
        return b" " * self._left


def judged(whole: bytes, text: bytes) -> Piece:
    """A message if the text is a JSON object or array. One that is nested too deeply to be read is passed on."""
    try:
        value = json.loads(text)
    except RecursionError:
        return Piece("part", whole)
    except ValueError:
        return Piece("broken", whole)
    return Piece("message", whole, value) if isinstance(value, dict | list) else Piece("broken", whole)
