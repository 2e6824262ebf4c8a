"""Which builds of the interpreter are known, and that an unknown one is told and never guessed."""

from __future__ import annotations

import struct

from watchdog.cpython.debug_table import DEBUG_SIZE, parse_debug_table, with_debug_table
from watchdog.cpython.interpreter import known_offsets
from watchdog.cpython.offsets import TABLE, Offsets
from watchdog.system.process.memory import Unreadable

NEW = TABLE["3.13"]
FIELDS = [
    *(100000, 608, 632),  # runtime
    *(200000, 8, 7264, 7344, 7400, 7656, 0, 0, 0, 0, 0, 0, 0),  # interpreter
    *(300, 0, 8, 16, 72, 152, 160, 200, 32),  # thread
    *(80, 8, 0, 56, 72, 70),  # frame
    *(208, 112, 120, 128, 136, 68, 52, 96, 104, 200),  # code
]
NEWEST = TABLE["3.14"]
LONGER = [
    *(316616, 784, 808),  # runtime
    *(225864, 7280, 7272, 7344, 7360, 7408, 7688, 7672, 7680, 16, 7784, 0, 7800, 7792, 7992, 0),  # interpreter
    *(832, 0, 8, 16, 72, 152, 160, 232, 32),  # thread
    *(88, 8, 0, 56, 80, 74, 64, 0),  # frame
    *(216, 112, 120, 128, 136, 68, 52, 96, 104, 208, 0),  # code
    *(16, 8, 416, 24, 88, 168, 40, 32, 16, 40, 24, 16, 200, 24, 40, 32),  # object, type, tuple, list, set
    *(48, 32, 40, 24, 16, 32, 16, 24, 40, 16, 32, 64, 32, 16, 40),  # dict, float, int, bytes, str
    *(264, 192, 160, 24, 72, 67, 0, 8),  # collector, generator, list node
]


def table(fields: list[int] = FIELDS, free_threaded: int = 0, version: int = 0x030D00F0) -> bytes:
    return (b"xdebugpy" + struct.pack(f"<{2 + len(fields)}Q", version, free_threaded, *fields)).ljust(DEBUG_SIZE, b"\0")


def own(fields: list[int]) -> Offsets | None:
    """What is made of the table of a 3.14."""
    found = parse_debug_table(table(fields, version=0x030E0AF0))
    return with_debug_table(NEWEST, found) if found is not None else None


def test_the_interpreters_own_table_is_read() -> None:
    found = parse_debug_table(table())
    assert found is not None and (found.version, found.free_threaded) == ("3.13", False)
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


def test_the_longer_table_of_3_14_is_read() -> None:
    assert own(LONGER) == NEWEST
    moved = list(LONGER)
    moved[2], moved[8] = 816, 7416
    found = own(moved)
    assert found is not None and (found.runtime_interpreters, found.interpreter_gc) == (816, 7416)


def test_a_3_14_whose_frames_or_containers_have_another_shape_is_unknown() -> None:
    frame, code = 28, 36
    tuples, collector = 53, 78
    for place in (frame + 6, code + 9, tuples + 1, collector + 1, collector + 4, collector + 5):
        other = list(LONGER)
        other[place] += 8
        assert own(other) is None, place


def test_a_table_of_an_unknown_version_is_not_read() -> None:
    assert parse_debug_table(table(LONGER, version=0x030F00F0)) is None


def test_there_is_no_table_before_3_13() -> None:
    assert parse_debug_table(bytes(DEBUG_SIZE)) is None
    assert parse_debug_table(b"xdebugpy") is None


def refusal(version: str, data: bytes = bytes(DEBUG_SIZE)) -> Unreadable:
    found = known_offsets(version, data, 4242)
    assert isinstance(found, Unreadable)
    return found


def test_unknown_builds_are_refused_with_what_helps() -> None:
    assert "python3.15 -m asyncio ps 4242" in refusal("3.15").remedy
    assert refusal("3.9").remedy == ""
    assert "unknown version" in refusal("").reason
    assert "free-threaded" in refusal("3.13", table(free_threaded=1)).reason
    assert "asyncio ps 4242" in refusal("3.14", table(LONGER, 1, 0x030E0AF0)).remedy
    assert "does not describe itself" in refusal("3.13").reason
    assert "differs" in refusal("3.13", table([one + 8 for one in FIELDS])).reason


def test_known_builds_are_taken() -> None:
    assert known_offsets("3.11", bytes(DEBUG_SIZE), 1) is TABLE["3.11"]
    assert known_offsets("3.13", table(), 1) == NEW
    assert known_offsets("3.14", table(LONGER, version=0x030E0AF0), 1) == NEWEST
