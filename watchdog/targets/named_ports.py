"""Ports in a command line: where a server that does not listen yet, or no more, says it belongs."""

from __future__ import annotations

import re
from collections.abc import Sequence

_OPTIONS = frozenset(("-p", "-b", "-l", "--port", "--bind", "--listen", "--http", "--address"))
_BEHIND = re.compile(r"(?:[\w.\-]*|\[[0-9a-fA-F:.]*\]):([0-9]{4,5})", re.ASCII)  # HOST:PORT
_FIRST, _LAST = 1024, 65535  # below that a bare number is more often a count than a port


def names_port(words: Sequence[str], port: int) -> bool:
    """Whether one of the words is this port, or ends in it."""
    return any(word == str(port) or word.endswith((f":{port}", f"={port}")) for word in words)


def another_port(words: Sequence[str]) -> int | None:
    """The port that a command line names; None if none of its words can be meant as one."""
    before = ""
    for word in words[1:]:
        option, sign, value = word.partition("=")
        text = value if sign and option.startswith("-") else word
        meant = before in _OPTIONS or option in _OPTIONS or not (before.startswith("-") or word.startswith("-"))
        found = _BEHIND.fullmatch(text)
        number = found[1] if found else text
        if meant and number.isascii() and number.isdigit() and len(number) < 6 and _FIRST <= int(number) <= _LAST:
            return int(number)
        before = word
    return None
