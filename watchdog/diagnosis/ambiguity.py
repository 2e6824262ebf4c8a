"""Regular expressions that match one text in exponentially many ways: each further character doubles the time. Pure.

The method is known: Weber and Seidl, "On the degree of ambiguity of finite automata" (1991). A pattern is an automaton
whose states are its characters. If one text leads from a state back to it in two ways, n such texts have 2**n ways, and
a match that fails tries all of them. What an automaton cannot say (references, what stands before or behind, `\\b`) is
not judged where it is repeated.
"""

from __future__ import annotations

import re
import string
import warnings
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import pairwise
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_STATES, _COPIES = 100, 8  # more are not judged: a pattern of so many characters is rare, and takes long
_SAMPLES = string.printable + "éß中\u2003"
_CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}
_Way = tuple[int, int]  # from one state to another


def is_exponential(pattern: str) -> bool:
    """Whether some text can be matched in a number of ways that doubles again and again with its length."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd about a server's pattern is none of our business
            automaton = _Automaton(parser.parse(pattern))
    except (re.error, _NotJudged, RecursionError, OverflowError):
        return False
    return automaton.is_ambiguous()


class _NotJudged(Exception):
    """The pattern says what an automaton cannot say, or is too long."""


_Part = tuple[bool, list[int], list[int]]  # may it be empty, the states that it begins with and that it ends with
_EMPTY: _Part = (True, [], [])


class _Automaton:
    """A state for each character of the pattern, and the ways from one to the next, each as often as there are."""

    def __init__(self, parsed: Any) -> None:
        self._accepts: list[frozenset[str]] = []
        self._ways: Counter[_Way] = Counter()
        self._ignores_case = bool(parsed.state.flags & re.IGNORECASE)
        self._samples = frozenset(_SAMPLES) | frozenset(_characters(parsed))
        self._sequence(parsed, repeated=False)

    def is_ambiguous(self) -> bool:
        following: dict[int, list[int]] = {}
        for begin, end in self._ways:
            following.setdefault(begin, []).append(end)
        reach = {one: _reached(following[one], lambda state: following.get(state, ())) for one in following}
        if any(count > 1 and begin in reach.get(end, ()) for (begin, end), count in self._ways.items()):
            return True
        rings = {frozenset(two for two in ends if one in reach.get(two, ())) for one, ends in reach.items()}
        return any(self._has_two_ways(ring, following) for ring in rings)

    def _has_two_ways(self, ring: frozenset[int], following: dict[int, list[int]]) -> bool:
        """Whether one text leads from a state of the ring back to it in two ways that part and meet again."""

        def steps(pair: _Way) -> Iterator[_Way]:
            for left in ring.intersection(following[pair[0]]):
                for right in ring.intersection(following[pair[1]]):
                    if self._accepts[left] & self._accepts[right]:
                        yield left, right

        for state in ring:
            before: dict[_Way, list[_Way]] = {}
            for pair in _reached([(state, state)], steps):
                for after in steps(pair):
                    before.setdefault(after, []).append(pair)
            if any(left != right for left, right in _reached([(state, state)], partial(_at, before))):
                return True
        return False

    def _sequence(self, items: Any, repeated: bool) -> _Part:
        whole = _EMPTY
        for item in items:
            whole = self._joined(whole, self._item(item, repeated))
        return whole

    def _joined(self, one: _Part, other: _Part) -> _Part:
        self._connect(one[2], other[1])
        first = one[1] + other[1] if one[0] else one[1]
        last = other[2] + one[2] if other[0] else other[2]
        return one[0] and other[0], first, last

    def _connect(self, ends: list[int], begins: list[int]) -> None:
        self._ways.update((end, begin) for end in ends for begin in begins)

    def _item(self, item: tuple[Any, Any], repeated: bool) -> _Part:
        kind, value = item
        if kind in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            return self._state(item)
        if kind is op.SUBPATTERN:
            return self._sequence(value[3], repeated)
        if kind is op.BRANCH:
            parts = [self._sequence(one, repeated) for one in value[1]]
            return any(one[0] for one in parts), _begins(parts), _ends(parts)
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            return self._repeat(value, repeated)
        if repeated or kind not in (op.AT, op.ASSERT, op.ASSERT_NOT):
            raise _NotJudged
        return _EMPTY

    def _repeat(self, value: tuple[int, int, Any], repeated: bool) -> _Part:
        """So many copies of the body, each of which follows the one before; the last of them again and again."""
        least, most, body = value
        endless = most is op.MAXREPEAT
        count = max(1, least) if endless else most
        if count > _COPIES and repeated:
            raise _NotJudged
        endless, count = endless or count > _COPIES, min(count, _COPIES)
        copies = [self._sequence(body, repeated or endless) for _ in range(count)]
        empty = any(one[0] for one in copies)
        if empty and repeated and count > 1:
            raise _NotJudged
        for one, after in pairwise(copies):
            self._connect(one[2], after[1])
        if endless:
            self._connect(copies[-1][2], copies[-1][1])
        begins = copies if empty else copies[:1]
        ends = copies if empty else copies[max(0, least - 1) :]
        return empty or not least, _begins(begins), _ends(ends)

    def _state(self, item: tuple[Any, Any]) -> _Part:
        if len(self._accepts) >= _STATES:
            raise _NotJudged
        self._accepts.append(frozenset(one for one in self._samples if self._is_in(item, one)))
        return False, [len(self._accepts) - 1], [len(self._accepts) - 1]

    def _is_in(self, item: tuple[Any, Any], character: str) -> bool:
        same = f"{character}{character.lower()}{character.upper()}" if self._ignores_case else character
        return any(_is_one_of(item, one) for one in same)


def _begins(parts: Iterable[_Part]) -> list[int]:
    return [state for part in parts for state in part[1]]


def _ends(parts: Iterable[_Part]) -> list[int]:
    return [state for part in parts for state in part[2]]


def _at(ways: dict[_Way, list[_Way]], pair: _Way) -> list[_Way]:
    return ways.get(pair, [])


def _is_one_of(item: tuple[Any, Any], character: str) -> bool:
    kind, value = item
    if kind is op.ANY:
        return character != "\n"
    if kind is op.IN:
        negated = bool(value) and value[0][0] is op.NEGATE
        return any(_is_one_of(one, character) for one in value[negated:]) is not negated
    if kind is op.CATEGORY:
        return re.match(_CATEGORIES[value], character) is not None
    if kind is op.RANGE:
        return bool(value[0] <= ord(character) <= value[1])
    return (kind is op.LITERAL) is (ord(character) == value)


def _characters(parsed: Any) -> Iterator[str]:
    """Those that the pattern names, and the ends of its ranges."""
    for one in parsed:
        if isinstance(one, tuple) and len(one) == 2 and one[0] in (op.LITERAL, op.NOT_LITERAL):
            yield chr(one[1])
        elif isinstance(one, tuple) and len(one) == 2 and one[0] is op.RANGE:
            yield from map(chr, one[1])
        elif isinstance(one, (tuple, list, parser.SubPattern)):
            yield from _characters(one)


def _reached(begin: Iterable[Any], following: Any) -> set[Any]:
    """Everything that one comes to from there, the beginning included."""
    found = set(begin)
    todo = deque(found)
    while todo:
        for one in following(todo.popleft()):
            if one not in found:
                found.add(one)
                todo.append(one)
    return found
