"""Location tables of code objects, against what the running interpreter itself says of them."""

from __future__ import annotations

import sys
from types import CodeType

import pytest

from watchdog.cpython import linetable
from watchdog.cpython.linetable import Position


def sample(
    first,
    second=None,
):
    total = 0
    for item in (
        first,
        second,
    ):
        with item as opened:
            total += opened.method(
                1,
                *(x for x in range(3)),
            )

    return (
        total
        if total
        else None
    )  # fmt: skip


def codes(code: CodeType) -> list[CodeType]:
    return [code, *(inner for one in code.co_consts if isinstance(one, CodeType) for inner in codes(one))]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="positions came with 3.11")
@pytest.mark.parametrize("code", codes(sample.__code__) + codes(linetable.position.__code__))
def test_every_instruction_has_the_position_that_the_interpreter_gives_it(code: CodeType) -> None:
    for place, expected in enumerate(code.co_positions()):
        found = linetable.position(code.co_linetable, code.co_firstlineno, place * 2, "3.11")
        if expected[0] is not None:
            assert found == Position(*expected)


def test_an_instruction_before_the_first_stands_at_the_first_line() -> None:
    assert linetable.position(sample.__code__.co_linetable, 17, -2, "3.11") == Position(17)


def test_the_older_tables_are_pairs_of_bytes_and_lines() -> None:
    table = bytes([4, 1, 6, 2, 2, 0x80, 8, 0xFF])  # 0x80: no line
    lines = [linetable.position(table, 10, offset, "3.10").line for offset in (0, 4, 8, 10, 12)]
    assert lines == [11, 13, 13, 10, 12]


def test_the_trail_ends_with_the_instruction_itself() -> None:
    code = sample.__code__
    last = list(code.co_positions())[20]
    found = linetable.trail(code.co_linetable, code.co_firstlineno, 40, "3.11")
    assert found[-1].line == last[0]
