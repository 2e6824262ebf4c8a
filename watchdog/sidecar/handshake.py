"""What a new child must hear before the host can go on with it: the handshake of the host, recorded as it went by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from watchdog.sidecar.framing import Form, encode
from watchdog.sidecar.messages import Message

_FIRST = "initialize"
_SECOND = ("notifications/initialized", "initialized")
_MOST = 1 << 20  # bytes that are remembered in all


class Handshake:
    """First the request whose answer must come, then the messages that follow it."""

    def __init__(self, methods: Sequence[str], lines: Sequence[str]) -> None:
        self._methods, self._lines = frozenset(methods), tuple(lines)
        self._first: tuple[Message, bytes] | None = None
        self._then: list[bytes] = []
        self._size = 0
        self.answered = False  # the host has the answer to the first request
        self.lost = False  # the child that was asked it has ended without an answer

    def went_by(self, messages: Iterable[Message], data: bytes) -> None:
        """A message of the host to the first child."""
        for one in messages:
            if one.method == _FIRST and one.sort == "request" and self._first is None:
                self._first = (one, data)
            elif one.method in _SECOND or one.method in self._methods:
                self._size += len(data)
                if self._size <= _MOST:
                    self._then.append(data)

    def is_first(self, message: Message) -> bool:
        return self._first is not None and message is self._first[0]

    def first(self, form: Form | None) -> tuple[bytes, Message | None]:
        """What a new child hears before everything else, and the request in it that must be answered."""
        lines = b"".join(_framed(line, form) for line in self._lines)
        if self._first is None or not (self.answered or self.lost):
            return lines, None
        return lines + self._first[1], self._first[0]

    @property
    def then(self) -> bytes:
        """What it hears once it has answered."""
        return b"".join(self._then) if self.answered or self._first is None else b""

    @property
    def ids(self) -> frozenset[str]:
        """Of the requests among the lines that the playbook names: their answers are not the host's."""
        found = (_value(line) for line in self._lines)
        return frozenset(json.dumps(one["id"]) for one in found if isinstance(one, dict) and one.get("id") is not None)


def _framed(line: str, form: Form | None) -> bytes:
    value = _value(line)
    return encode(form, value) if form == "headers" and isinstance(value, dict) else line.encode() + b"\n"


def _value(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None
