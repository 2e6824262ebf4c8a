"""The quick way to a SHA-256 gives what hashlib gives."""

from __future__ import annotations

import hashlib

import pytest

from watchdog.text.digest import sha256


@pytest.mark.parametrize("text", ["", "shop", "日本語", "x" * 100_000])
def test_it_is_the_same_as_that_of_hashlib(text: str) -> None:
    assert sha256(text) == hashlib.sha256(text.encode()).hexdigest()


def test_a_text_that_is_not_valid_unicode_has_one_too() -> None:
    assert sha256("\udcff") == sha256("\\udcff")
