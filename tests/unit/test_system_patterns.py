"""A pattern finds what it should, in a bounded time, whichever engine it needs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.model.errors import WrongUsage
from watchdog.system.child import patterns

# What both engines know; a pattern is made of some of these.
PIECES = st.sampled_from(["a", "b", r"\w", r"\d", r"\s", ".", "[ab]", "[^a]", "(a|b)", "a*", "b+", "a{2}", "b?", r"\b"])
LINES = st.text(alphabet="ab1 é_\udc80", max_size=12)


@given(st.lists(PIECES, min_size=1, max_size=5).map("".join), st.lists(LINES, min_size=1, max_size=4))
def test_the_engine_in_linear_time_finds_what_the_one_of_python_finds(pattern: str, texts: list[str]) -> None:
    expected = tuple(at for at, text in enumerate(texts) if re.search(pattern, text, re.ASCII))
    assert patterns.search_each(pattern, texts) == patterns.Searched(expected)


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(\w+\s?)+$", r"(a|a)+$", r"(.*a){12}$"])
def test_a_pattern_that_backtracking_never_finishes_is_answered(pattern: str) -> None:
    assert patterns.search(pattern, ["a" * 4000 + "!", "aaaaaaaaaaaaa"]) == (1,)


def test_a_line_that_takes_too_long_is_named_and_the_others_are_searched() -> None:
    searched = patterns.search_each(r"^(?!x)(a+)+$", ["aaa", "a" * 60 + "!", "aa", "xaa"])
    assert searched == patterns.Searched(hits=(0, 2), late=(1,))


def test_many_lines_that_take_too_long_do_not_add_up() -> None:
    searched = patterns.search_each(r"^(?!x)(a+)+$", ["a" * 60 + "!"] * 1000, within=0.3)
    assert (searched.hits, len(searched.late)) == ((), 1000)


def test_a_selector_whose_pattern_takes_too_long_is_refused() -> None:
    with pytest.raises(WrongUsage, match="takes too long"):
        patterns.search(r"^(?!x)(a+)+$", ["a" * 60 + "!"], within=0.2)


@pytest.mark.parametrize(("pattern", "text"), [(r"(a)\1", "aa"), (r"a(?=b)", "ab"), (r"a{,2}b", "ab"), (r"ab\Z", "ab")])
def test_what_the_linear_engine_does_not_know_is_found_all_the_same(pattern: str, text: str) -> None:
    assert patterns.search(pattern, ["-", text]) == (1,)


@pytest.mark.parametrize("pattern", ["", "(", "a" * 201, "[z-a]", "*"])
def test_an_invalid_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(WrongUsage):
        patterns.search_each(pattern, ["a"])
