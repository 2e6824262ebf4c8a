"""Numbers and pipes, read strictly."""

from __future__ import annotations

import json

import pytest

from watchdog.model.errors import Refused, WrongUsage
from watchdog.model.process import Identity
from watchdog.targets import select

BAD = ["-1", "0", "", "1_0", "١٢", "１２", " 12 ", "+5", "12 ", "2147483648", "18446744073709551616", "1e3", "0x10",
       "12\n", "007", "1.0", "--", "*", "4242;ls"]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_plain_number_is_no_pid(text: str) -> None:
    with pytest.raises(WrongUsage):
        select.pid(text)


@pytest.mark.parametrize("text", [*BAD, "65536", "22:22"])
def test_what_is_no_plain_number_is_no_port(text: str) -> None:
    with pytest.raises(WrongUsage):
        select.port(text)


def test_plain_numbers_are_taken() -> None:
    assert (select.pid("4242"), select.port("1"), select.port("65535")) == (4242, 1, 65535)


def test_a_pipe_names_processes_once_each_by_identity() -> None:
    lines = [json.dumps({"pid": 5, "identity": "ab-1:5:77"}), "", json.dumps({"pid": 5, "identity": "ab-1:5:77"})]
    assert select.identities(lines) == (Identity("ab-1", 5, 77),)


@pytest.mark.parametrize(
    "line",
    [
        '{"pid": 5}',
        "5",
        "[]",
        "null",
        '"x"',
        "{",
        '{"identity": 5}',
        '{"identity": "ab:0:7"}',
        '{"identity": "ab:5"}',
        "[" * 5000,
        "9" * 5000,
        '{"identity": "ab:5:7:9"}',
    ],
)
def test_a_line_without_an_identity_is_a_mistake_and_not_nothing(line: str) -> None:
    with pytest.raises(WrongUsage):
        select.identities([line])


@pytest.mark.parametrize("lines", [[], ["", "  \n"]])
def test_an_empty_pipe_selects_nothing_and_is_refused(lines: list[str]) -> None:
    with pytest.raises(Refused):
        select.identities(lines)
