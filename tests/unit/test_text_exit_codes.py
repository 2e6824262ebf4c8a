"""The number that a process ended with, for a person."""

from __future__ import annotations

import pytest

from watchdog.text.exit_codes import in_words


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "code 0"),
        (3, "code 3"),
        (0xC0000005, "code 0xC0000005 (access violation: it touched memory that is not its own)"),
        (0xC0000005 - 2**32, "code 0xC0000005 (access violation: it touched memory that is not its own)"),
        (0xC0000999, "code 0xC0000999"),
    ],
)
def test_faults_of_windows_are_named_and_plain_codes_stay_plain(code: int, words: str) -> None:
    assert in_words(code) == words
