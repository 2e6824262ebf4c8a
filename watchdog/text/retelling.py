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
_JOINTS = ("; ", ": ", ", ")  # between sentences of one message
_WORD = re.compile(r"(?<![\w'\0])[A-Za-z][A-Za-z']*(?![\w'\0])")
_LONGEST = 2000  # characters; a longer text is no sentence of ours
_DEEPEST = 8  # sentences in each other
_MOST = 400  # texts that are looked at for one sentence: it may be a stranger's, made to be slow
_FEW = 6  # letters: a template with fewer fits nearly everything, so its values must be words or known sentences


class _Template(NamedTuple):
    """The fixed parts of a sentence; a value stands between each two of them."""

    parts: tuple[str, ...]
    letters: int
    translation: str

    def values(self, text: str) -> tuple[str, ...] | None:
        """What stands between the parts, each as short as can be; None where the text was not made of this template.

        No regular expression: the text may be a stranger's, and this takes one pass over it.
        """
        first, *others = self.parts
        if not text.startswith(first):
            return None
        if not others:
            return () if text == first else None
        *inner, last = others
        end = len(text) - len(last)
        at, found = len(first), []
        for part in inner:
            place = text.find(part, at, end)
            if place < 0:
                return None
            found.append(text[at:place])
            at = place + len(part)
        if at > end or not text.endswith(last):
            return None
        return (*found, text[at:end])


class _Reading(NamedTuple):
    """One way to understand a text. The best one explains most letters, and divides the rest most evenly."""

    letters: int
    longest: int  # of its pieces, negative
    told: str


class _Reader:
    """Reads one sentence."""

    def __init__(self, templates: _Templates) -> None:
        self._templates, self._left = templates, _MOST
        self._known: dict[str, _Reading] = {}

    def read(self, text: str, depth: int = _DEEPEST) -> _Reading:
        core = text.strip(EDGES)
        if not core or not depth or self._left <= 0:
            return _Reading(0, -len(text), text)
        if core not in self._known:
            self._left -= 1
            nothing = _Reading(0, -len(core), core)
            found = (*self._by_parts(core, depth - 1), *self._by_template(core, depth - 1), nothing)
            self._known[core] = max(found, key=lambda one: one[:2])
        letters, longest, told = self._known[core]
        place = text.index(core)
        return _Reading(letters, longest, f"{text[:place]}{told}{text[place + len(core) :]}")

    def _by_template(self, text: str, depth: int) -> Iterator[_Reading]:
        for one in self._templates.that_may_fit(text):
            values = one.values(text)
            if values is None or not _are_whole(values):
                continue
            read = [self.read(value, depth) for value in values]
            unknown = any(" " in value and not it.letters for value, it in zip(values, read, strict=True))
            if one.letters >= _FEW or not unknown:
                letters = one.letters + sum(it.letters for it in read)
                yield _Reading(
                    letters, -max(map(len, values), default=0), one.translation.format(*(it.told for it in read))
                )

    def _by_parts(self, text: str, depth: int) -> Iterator[_Reading]:
        """Several sentences in one message, or one with another in brackets behind it."""
        head, bracket, tail = text.rpartition(" (")
        if bracket and tail.endswith(")") and _are_whole((head, tail[:-1])):
            yield self._joined((head, tail[:-1]), "{} ({})", depth)
        for joint in _JOINTS:
            pieces = tuple(text.split(joint))
            if len(pieces) == 1 or not _are_whole(pieces):
                continue
            yield self._joined(pieces, joint.join("{}" for _ in pieces), depth)
            return

    def _joined(self, pieces: tuple[str, ...], form: str, depth: int) -> _Reading:
        read = [self.read(one, depth) for one in pieces]
        told = form.format(*(one.told for one in read))
        return _Reading(sum(one.letters for one in read), -max(map(len, pieces)), told)


def _are_whole(pieces: Iterable[str]) -> bool:
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
    return _Template(parts, sum(len(re.findall(r"[A-Za-z]", part)) for part in parts), translation)


def _parts(text: str) -> Iterator[str]:
    """Of "port {0} is free": "port ", " is free"."""
    last = ""
    for fixed, name, _form, _conversion in string.Formatter().parse(text):
        last += fixed
        if name is not None:
            yield last
            last = ""
    yield last
