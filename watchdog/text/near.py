"""Where in a text the name of a secret may begin, so that a long pattern is tried there and nowhere else.

A pattern that begins with one of fifty names is tried at each character of a log, and few of them begin such a name.
Each name holds one of a few short words, which Python finds far faster. What comes out is what `Pattern.sub` gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

# A word that stands in the name of a secret: how many characters of the name stand before it at most. Every name of
# `redact.py` holds one of them; "client_secret" begins seven characters before "secret".
# fmt: off
STRONG: Mapping[str, int] = {
    "pass": 5, "pw": 0, "secret": 7, "key": 11, "cred": 0, "auth": 0, "cookie": 4, "パス": 0, "暗証": 0,
}
NAMES: Mapping[str, int] = {
    **STRONG,
    "token": 0, "sess": 0, "sid": 0, "jwt": 0, "otp": 0, "pin": 0, "csrf": 0, "xsrf": 0,
    "signature": 4, "sig": 1, "code": 1, "auth": 1,
}
# fmt: on
HEADERS: Mapping[str, int] = {"auth": 0, "cookie": 0}
# These are letters of a name too where case does not count, and lower() makes no such letter of them, or two.
_ODD_LETTERS = "ſıİ"


class Places:
    """Of one text."""

    def __init__(self, text: str) -> None:
        self._text, self._lower = text, text.lower()

    def of(self, words: Mapping[str, int]) -> list[int]:
        """Where a name with one of these words may begin, in order."""
        found: set[int] = set()
        for word, before in words.items():
            for at in self._each(word):
                found.update(range(max(0, at - before), at + 1))
        return sorted(found)

    def lines_of(self, words: Iterable[str]) -> list[int]:
        """Where the lines begin in which one of these words stands, in order."""
        return sorted({self._text.rfind("\n", 0, at) + 1 for word in words for at in self._each(word)})

    def _each(self, word: str) -> Iterable[int]:
        at = self._lower.find(word)
        while at >= 0:
            yield at
            at = self._lower.find(word, at + 1)


def replace(
    pattern: re.Pattern[str],
    instead: Callable[[re.Match[str]], str],
    text: str,
    begins: Callable[[Places], list[int]],
) -> str:
    """`pattern.sub(instead, text)`, for a pattern that matches only where `begins` says, and never nothing at all."""
    if any(letter in text for letter in _ODD_LETTERS):
        return pattern.sub(instead, text)
    parts, done = [], 0
    for at in begins(Places(text)):
        found = pattern.match(text, at) if at >= done else None
        if found is not None:
            parts += [text[done:at], instead(found)]
            done = found.end()
    return "".join([*parts, text[done:]]) if parts else text
