"""Which builds of the interpreter are known, and that an unknown one is told and never guessed."""

from __future__ import annotations

import struct

from watchdog.cpython.interpreter import known_offsets
from watchdog.cpython.offsets import DEBUG_SIZE, TABLE, parse_debug_table, with_debug_table
from watchdog.system.memory import Unreadable

NEW = TABLE["3.13"]
FIELDS = [
    *(100000, 608, 632),  # runtime
    *(200000, 8, 7264, 7344, 7400, 7656, 0, 0, 0, 0, 0, 0, 0),  # interpreter
    *(300, 0, 8, 16, 72, 152, 160, 200, 32),  # thread
    *(80, 8, 0, 56, 72, 70),  # frame
    *(208, 112, 120, 128, 136, 68, 52, 96, 104, 200),  # code
]


def table(fields: list[int] = FIELDS, free_threaded: int = 0) -> bytes:
    return (b"xdebugpy" + struct.pack(f"<{2 + len(fields)}Q", 0x030D00F0, free_threaded, *fields)).ljust(
        DEBUG_SIZE, b"\0"
    )


def test_the_interpreters_own_table_is_read() -> None:
    found = parse_debug_table(table())
    assert found is not None and (found.version, found.free_threaded) == (0x030D00F0, False)
    assert with_debug_table(NEW, found) == NEW


def test_what_may_move_is_taken_from_the_table() -> None:
    moved = list(FIELDS)
    moved[2], moved[7] = 640, 7408
    found = parse_debug_table(table(moved))
    assert found is not None
    own = with_debug_table(NEW, found)
    assert own is not None and (own.runtime_interpreters, own.interpreter_gc) == (640, 7408)


def test_a_frame_or_code_object_of_another_shape_is_unknown() -> None:
    for place in (25, 28, 31 + 1, 31 + 9):
        other = list(FIELDS)
        other[place] += 8
        found = parse_debug_table(table(other))
        assert found is not None and with_debug_table(NEW, found) is None


def test_there_is_no_table_before_3_13() -> None:
    assert parse_debug_table(bytes(DEBUG_SIZE)) is None
    assert parse_debug_table(b"xdebugpy") is None


def refusal(version: str, data: bytes = bytes(DEBUG_SIZE)) -> Unreadable:
    found = known_offsets(version, data, 4242)
    assert isinstance(found, Unreadable)
    return found


def test_unknown_builds_are_refused_with_what_helps() -> None:
    assert "python3.14 -m asyncio ps 4242" in refusal("3.14").remedy
    assert refusal("3.9").remedy == ""
    assert "unknown version" in refusal("").reason
    assert "free-threaded" in refusal("3.13", table(free_threaded=1)).reason
    assert "does not describe itself" in refusal("3.13").reason
    assert "differs" in refusal("3.13", table([one + 8 for one in FIELDS])).reason


def test_known_builds_are_taken() -> None:
    assert known_offsets("3.11", bytes(DEBUG_SIZE), 1) is TABLE["3.11"]
    assert known_offsets("3.13", table(), 1) == NEW
