"""Nothing that a stranger wrote can steer a terminal, turn text round or forge a line."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchdog.text.printable import printable, printable_lines

pytestmark = pytest.mark.same_everywhere("gives thousands of inputs to code that asks no system")

NASTY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x1b\x07\x08\r\n\t\x00\x7f\x85\x9b\u202e\u2066\u2069\u200b\u2028\ufeff\U000e0041\ud800"),
    ),
    max_size=60,
)


def unsafe(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(character) in (
        *("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"),
    )


@settings(max_examples=10_000, deadline=None)
@given(NASTY)
def test_no_control_or_bidi_character_comes_through(text: str) -> None:
    assert not [character for character in printable(text) if unsafe(character)]
    assert not [character for character in printable_lines(text) if unsafe(character) and character != "\n"]


def test_what_would_be_obeyed_is_shown() -> None:
    assert printable("\x1b]0;x\x07") == "\\e]0;x\\x07"
    assert printable("a\nb\tc") == "a\\nb\\tc"
    assert printable("evil\u202egpj.exe") == "evil\\u202egpj.exe"
    assert printable_lines("a\tb\n\x9b31mred") == "a   b\n\\x9b31mred"


def test_ordinary_text_of_any_language_stays() -> None:
    for text in ("翻訳サーバー", "Ünïcödé – “quoted”", "emoji 🚨 ok", "العربية", "a b"):
        assert printable(text) == text
