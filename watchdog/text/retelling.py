"""Sentences of the record in the language of the reader.

The record is English: a step's message, a finding, the reason of a decision. Each was made of a template in the code,
such as f"port {port} is free". The catalogue holds these templates with their translations (kind `recorded`). `retold`
finds the template that a stored sentence was made of, and puts its values into the translation. Values can be
sentences, too. What is not found stays as it is, word for word. Decision 396.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from watchdog.text.language import ENGLISH, current, translated_word

KIND = "recorded"
INDEX = ("templates", "index")  # the text and the kind of the one entry that lists all templates, a line each
EDGES = " ;,:"  # what may join a sentence to its neighbours, on either side
_JOINTS = ("; ", ": ", ", ", ". ")  # between sentences of one message
_BREAK = "{}; "  # behind it a new sentence begins, which may be known where the first is not
_QUOTED = re.compile(r"'[^']*'|`[^`]*`|\([^()]*\)")
_PROSE = re.compile(r"(?<![\w./:=-])[a-z]+ [a-z]+(?![\w./:=(-])")
_WORD = re.compile(r"(?<![\w'\0])[A-Za-z][A-Za-z']*(?![\w'\0])")
_CALL = re.compile(r"[^\s()]+ \([^\s()]+:\d+\)")  # "withdraw (server.py:30)": the same in every language
_NAMES = re.compile(r"\w+(, \w+)*")  # "celery"
_LETTERS = re.compile(r"[A-Za-z]{2}")
_LONGEST = 2000  # characters; a longer text is no sentence of ours
_DEEPEST = 8  # sentences in each other
_MOST = 600  # texts that are looked at for one sentence: it may be a stranger's, made to be slow
_FEW = 6  # letters: a template with fewer fits nearly everything, so its values must be words or known sentences


class _Template(NamedTuple):
    """The fixed parts of a sentence; a value stands between each two of them."""

    parts: tuple[str, ...]
    letters: int
    translation: str
    free: frozenset[int]  # values that may be anything, such as a line of a log: "{0!s}" in the translation

    def ways(self, text: str) -> tuple[tuple[str, ...], ...]:
        """What can stand between the parts: with the first values as short as can be, or the last ones.

        No regular expression: the text may be a stranger's, and this takes two passes over it.
        """
        first, *inner, last = (*self.parts, "") if len(self.parts) == 1 else self.parts
        if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
            return ()
        middle = text[len(first) : len(text) - len(last)]
        if len(self.parts) == 1:
            return () if middle else ((),)
        backwards = _between(middle[::-1], [one[::-1] for one in reversed(inner)])
        ways = (tuple(_between(middle, inner)), tuple(one[::-1] for one in reversed(backwards)))
        return tuple(dict.fromkeys(one for one in ways if one))


def _between(text: str, parts: list[str]) -> list[str]:
    """The pieces between these parts, the first ones as short as can be; none where a part is missing."""
    found: list[str] = []
    for part in parts:
        piece, seen, text = text.partition(part)
        if not seen:
            return []
        found.append(piece)
    return [*found, text]


class _Reading(NamedTuple):
    """One way to understand a text. The best one explains most letters, and divides the rest most evenly."""

    letters: int
    longest: int  # of its pieces, negative
    told: str
    is_whole: bool = True  # no English words are left in it


class _Reader:
    """Reads one sentence."""

    def __init__(self, templates: _Templates) -> None:
        self._templates, self._left = templates, _MOST
        self._known: dict[str, tuple[int, _Reading]] = {}  # with the depth that was left for it

    def read(self, text: str, depth: int = _DEEPEST) -> _Reading:
        core = text.strip(EDGES)
        seen, best = self._known.get(core, (0, None))
        if seen < depth and self._left > 0 and _LETTERS.search(core):
            self._left -= 1
            found = (*self._by_parts(core, depth - 1), *self._by_template(core, depth - 1), _unread(core))
            best = max(found, key=lambda one: one[:2])
            self._known[core] = depth, best
        if best is None:
            return _unread(text)
        place = text.index(core)
        return best._replace(told=f"{text[:place]}{best.told}{text[place + len(core) :]}")

    def _by_template(self, text: str, depth: int) -> Iterator[_Reading]:
        """Only where each value is understood too: a sentence in two languages helps nobody."""
        found = ((one, values) for one in self._templates.that_may_fit(text) for values in one.ways(text))
        for one, values in found:
            if not _are_balanced(values):
                continue
            read = [self._value(value, number in one.free, depth) for number, value in enumerate(values)]
            unknown = any(
                " " in value and not it.letters and not _CALL.fullmatch(value)
                for value, it in zip(values, read, strict=True)
            )
            if all(it.is_whole for it in read) and (one.letters >= _FEW or not unknown):
                letters = one.letters + sum(it.letters for it in read)
                told = one.translation.format(*(it.told for it in read))
                yield _Reading(letters, -max(map(len, values), default=0), told)

    def _value(self, text: str, is_free: bool, depth: int) -> _Reading:
        return _Reading(0, -len(text), text) if is_free else self.read(text, depth)

    def _by_parts(self, text: str, depth: int) -> Iterator[_Reading]:
        """Several sentences in one message, or one with another in brackets behind it."""
        head, bracket, tail = text.rpartition(" (")
        ways: list[tuple[tuple[str, ...], str]] = []
        # A place as in "withdraw (server.py:30)" belongs to what stands before it; a mere name does not.
        if bracket and tail.endswith(")") and (_NAMES.fullmatch(tail[:-1]) or self.read(tail[:-1], depth).letters):
            ways.append(((head, tail[:-1]), "{} ({})"))
        for joint in _JOINTS:
            for pieces in (tuple(text.split(joint)), tuple(text.split(joint, 1))):
                ways.append((pieces, joint.join("{}" for _ in pieces)))
        for pieces, form in ways:
            if len(pieces) > 1 and _are_balanced(pieces):
                read = [self.read(one, depth) for one in pieces]
                is_whole = all(one.is_whole for one in read)
                if is_whole or form.startswith(_BREAK):
                    told = form.format(*(one.told for one in read))
                    yield _Reading(sum(one.letters for one in read), -max(map(len, pieces)), told, is_whole)


def _unread(text: str) -> _Reading:
    """Names, numbers, places and commands are the same in every language; words in a row are not."""
    return _Reading(0, -len(text), text, not _PROSE.search(_QUOTED.sub("", text)))


def _are_balanced(pieces: Iterable[str]) -> bool:
    """No bracket of a sentence is torn apart."""
    return all(one.count("(") == one.count(")") for one in pieces)


class _Templates:
    """Of one language, by a word that a text must have to be made of them."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._by_word: dict[str, list[_Template]] = {}
        words = {text: set(_WORD.findall(_PLACE.sub("\0", text))) for text, _ in pairs}
        often = Counter(word for found in words.values() for word in found)
        for text, translation in pairs:
            rarest = min(words[text], key=lambda word: (often[word], word), default="")
            self._by_word.setdefault(rarest, []).append(_template(text, translation))

    def that_may_fit(self, text: str) -> Iterator[_Template]:
        for word in ("", *dict.fromkeys(_WORD.findall(text))):
            yield from self._by_word.get(word, ())


_PLACE = re.compile(r"\{\d+\}")


def retold(text: str) -> str:
    """The stored sentence in the current language."""
    language = current()
    return text if language == ENGLISH or len(text) > _LONGEST else _retold(language, text)


@lru_cache(maxsize=4096)
def _retold(language: str, text: str) -> str:
    return _Reader(_templates(language)).read(text).told


@lru_cache(maxsize=4)
def _templates(language: str) -> _Templates:
    assert language == current()
    return _Templates([(text, translated_word(text, KIND)) for text in translated_word(*INDEX).split("\n")])


def _template(text: str, translation: str) -> _Template:
    parts = tuple(_parts(text))
    named = ((name, conversion) for _, name, _, conversion in string.Formatter().parse(translation))
    free = frozenset(int(name) for name, conversion in named if name and conversion == "s")
    return _Template(parts, sum(len(re.findall(r"[A-Za-z]", part)) for part in parts), translation, free)


def _parts(text: str) -> Iterator[str]:
    """Of "port {0} is free": "port ", " is free"."""
    last = ""
    for fixed, name, _form, _conversion in string.Formatter().parse(text):
        last += fixed
        if name is not None:
            yield last
            last = ""
    yield last
