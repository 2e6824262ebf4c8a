"""Another process's memory, and work that is done in a child with a deadline."""

from __future__ import annotations

import ctypes
import os
import time

import pytest
from interpreters import NEEDS_RIGHT, interpreters, script

from watchdog.system.child import child_call
from watchdog.system.disk.open_files import read_open_file
from watchdog.system.linux.elf import find_symbol
from watchdog.system.process.memory import CHUNK, PAGE, Memory, Unmapped, Unreadable, mappings, open_memory

pytestmark = NEEDS_RIGHT


def test_bytes_are_read_as_they_stand_there() -> None:
    text = ctypes.create_string_buffer(b"a text of our own, in our own memory" * 5000)
    memory = open_memory(os.getpid())
    assert isinstance(memory, Memory)
    with memory:
        address = ctypes.addressof(text)
        assert memory.read(address, 36) == b"a text of our own, in our own memory"
        assert memory.read(address, 2 * CHUNK - 7) == text.raw[: 2 * CHUNK - 7], "over the borders of pieces"
        assert memory.word(address) == int.from_bytes(b"a text o", "little")


def test_what_was_read_is_kept_until_it_is_forgotten() -> None:
    text = ctypes.create_string_buffer(b"before")
    memory = open_memory(os.getpid())
    assert isinstance(memory, Memory)
    with memory:
        address = ctypes.addressof(text)
        assert memory.read(address, 6) == b"before"
        text.value = b"after!"
        assert memory.read(address, 6) == b"before"
        memory.forget()
        assert memory.read(address, 6) == b"after!"


def test_an_address_where_nothing_is_says_so() -> None:
    memory = open_memory(os.getpid())
    assert isinstance(memory, Memory)
    with memory:
        for address in (0, 8, 1 << 46, (1 << 64) - 8):
            with pytest.raises(Unmapped):
                memory.word(address)


def test_the_last_page_before_a_hole_can_be_read() -> None:
    pieces = mappings(os.getpid())
    assert not isinstance(pieces, Unreadable)
    memory = open_memory(os.getpid())
    assert isinstance(memory, Memory)
    ends = {piece.start for piece in pieces}
    piece = next(one for one in pieces if one.end not in ends and not one.path)
    with memory:
        assert len(memory.read(piece.end - PAGE, PAGE)) == PAGE
        with pytest.raises(Unmapped):
            memory.read(piece.end - 8, 16)


def test_a_process_that_is_gone_or_belongs_to_the_kernel_is_told_from_one_without_rights() -> None:
    for told in (open_memory(2**22 - 3), mappings(2**22 - 3)):
        assert isinstance(told, Unreadable) and "gone" in told.reason


@pytest.mark.parametrize("python", interpreters().values(), ids=interpreters().keys())
def test_a_symbol_is_found_in_the_loaded_image(python: str) -> None:
    with script(python, "keeping.py") as (process, _):
        pieces, memory = mappings(process.pid), open_memory(process.pid)
        assert isinstance(memory, Memory) and not isinstance(pieces, Unreadable)
        first: dict[str, int] = {}
        for piece in pieces:
            if piece.path.startswith("/"):
                first.setdefault(piece.path, piece.start)
        with memory:
            assert any(find_symbol(memory, start, "_PyRuntime") for start in first.values())
            assert not any(find_symbol(memory, start, "no_such_symbol") for start in first.values())


def test_a_child_gives_back_what_the_function_gave() -> None:
    assert child_call.call("os.path:join", ("a", "b"), 30.0) == "a/b"


def test_a_child_that_does_not_come_back_is_ended_at_the_deadline() -> None:
    began = time.monotonic()
    told = child_call.call("time:sleep", (3600,), 0.5)
    assert isinstance(told, child_call.NotDone) and "0.5 s" in told.reason
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("function", "arguments", "part"),
    [
        ("os:listdir", ("/no/such/folder",), "FileNotFoundError"),
        ("no_such_module:f", (), "ModuleNotFoundError"),
        ("os:_exit", (3,), "without an answer"),
        ("os:_exit", (0,), "cannot be read"),
    ],
)
def test_what_goes_wrong_in_a_child_is_told_and_not_raised(function: str, arguments: tuple, part: str) -> None:
    told = child_call.call(function, arguments, 30.0)
    assert isinstance(told, child_call.NotDone) and part in told.reason


def test_a_file_without_a_name_is_read_through_whoever_has_it_open(tmp_path) -> None:
    path = tmp_path / "gone"
    path.write_bytes(b"still here")
    with path.open("rb") as file:
        path.unlink()
        assert read_open_file(os.getpid(), file.fileno(), 5) == b"still"
    reading, writing = os.pipe()
    assert read_open_file(os.getpid(), reading, 5) is None, "a pipe must never be read from"
    os.close(reading)
    os.close(writing)
    assert read_open_file(2**22 - 3, 0, 5) is None
