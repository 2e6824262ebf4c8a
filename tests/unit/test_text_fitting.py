"""A long line is folded between words, and the rest of it is set in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watchdog.text.fitting import fitted


def test_the_rest_of_a_line_is_set_in_and_a_long_word_stays_whole() -> None:
    assert fitted("  one two three four five six", 20) == "  one two three four\n      five six"
    assert fitted("see /a/very/long/path/that/does/not/fit", 20) == "see\n    /a/very/long/path/that/does/not/fit"


@given(st.text(alphabet="ab -\n", max_size=200), st.integers(20, 80))
def test_no_word_is_lost_or_cut(text: str, width: int) -> None:
    assert fitted(text, width).split() == text.split()
