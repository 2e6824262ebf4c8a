"""Finds the interpreter inside a process and makes sure that we know its insides; else says what is unknown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath

from watchdog.cpython.debug_table import DEBUG_SIZE, parse_debug_table, with_debug_table
from watchdog.cpython.heap import looks_like_lists
from watchdog.cpython.objects import Objects, plausible
from watchdog.cpython.offsets import TABLE, Offsets
from watchdog.model.records import record
from watchdog.system.process.memory import (
    Mapping,
    Memory,
    Unmapped,
    Unreadable,
    executable,
    find_symbol,
    mappings,
    open_memory,
)

_NAMED = re.compile(r"python(\d\.\d+)")
_SCANNED = 60_000  # bytes of an interpreter's record that are searched
_MOST = 16  # interpreters of one process
_TRIES = 5
_SILENT = ("3.10", "3.11", "3.12")  # these tell nothing of their own inside


@record(frozen=True)
class Interpreter:
    """A process whose Python objects can be read."""

    objects: Objects
    version: str  # "3.11"
    interpreters: tuple[int, ...]  # addresses; the first is the main one


@contextmanager
def attach(pid: int) -> Iterator[Interpreter | Unreadable]:
    """Open the memory and find the interpreter; Unreadable with the reason and the remedy otherwise."""
    memory = open_memory(pid)
    if isinstance(memory, Unreadable):
        yield memory
        return
    with memory:
        try:
            yield _find(memory, pid)
        except Unmapped as error:
            yield Unreadable(f"the interpreter's records are not where they should be ({error})")


def _find(memory: Memory, pid: int) -> Interpreter | Unreadable:
    pieces = mappings(pid)
    if isinstance(pieces, Unreadable):
        return pieces
    for piece in _candidates(pieces, executable(pid)):
        runtime = find_symbol(memory, piece.start, "_PyRuntime")
        if runtime is None:
            continue
        version = _version(memory, piece)
        offsets = known_offsets(version, memory.read(runtime, DEBUG_SIZE), pid)
        return offsets if isinstance(offsets, Unreadable) else _checked(memory, runtime, offsets)
    return Unreadable(f"process {pid} runs no CPython that can be recognised")


def _candidates(pieces: tuple[Mapping, ...], program: str) -> list[Mapping]:
    """The first mapping of libpython, then that of the program itself."""
    first: dict[str, Mapping] = {}
    for piece in pieces:
        if piece.path.startswith("/"):
            first.setdefault(piece.path, piece)
    libraries = [piece for path, piece in first.items() if "libpython" in PurePosixPath(path).name]
    return libraries + [piece for path, piece in first.items() if path == program]


def _version(memory: Memory, piece: Mapping) -> str:
    """From the interpreter's own number (3.11 and later have it), else from the file's name; empty if unknown."""
    number = find_symbol(memory, piece.start, "Py_Version")
    if number is not None:
        hexadecimal = memory.word(number) & 0xFFFFFFFF
        return f"{hexadecimal >> 24}.{hexadecimal >> 16 & 255}"
    found = _NAMED.search(PurePosixPath(piece.path).name)
    return found[1] if found else ""


def known_offsets(version: str, start: bytes, pid: int) -> Offsets | Unreadable:
    """Where this version keeps what; `start` is its runtime's record, in which 3.13 and later describe themselves."""
    known = TABLE.get(version)
    newer = re.fullmatch(r"3\.(\d+)", version)
    remedy = f"ask its own interpreter: python{version} -m asyncio ps {pid}" if newer and int(newer[1]) > 13 else ""
    if known is None:
        return Unreadable(f"the inside of Python {version or 'of an unknown version'} is not known to wd", remedy)
    table = parse_debug_table(start)
    if table is None and version in _SILENT:
        return known
    if table is None:
        return Unreadable(f"this build of Python {version} does not describe itself", remedy)
    if table.free_threaded:
        return Unreadable("a free-threaded build of Python keeps no lists of its objects", remedy)
    own = with_debug_table(known, table)
    return own or Unreadable(f"this build of Python {version} differs from those that wd knows", remedy)


def _checked(memory: Memory, runtime: int, offsets: Offsets) -> Interpreter | Unreadable:
    objects = Objects(memory, offsets)
    found: list[int] = []
    address = memory.word(runtime + offsets.runtime_interpreters)
    while plausible(address) and address not in found and len(found) < _MOST:
        found.append(address)
        address = memory.word(address + offsets.interpreter_next)
    if not found:
        return Unreadable("the process has not started its interpreter yet, or has ended it")
    main = found[-1]  # new ones are put before it
    if not _holds(objects, main, offsets.interpreter_gc):
        places = [place for place in range(0, _SCANNED, 8) if looks_like_lists(objects, main, place)]
        if len(places) != 1:
            return Unreadable(f"this build of Python {offsets.version} is not one that wd knows")
        offsets = replace(offsets, interpreter_gc=places[0])
        objects = Objects(memory, offsets)
    return Interpreter(objects, offsets.version, (main, *reversed(found[:-1])))


def _holds(objects: Objects, interpreter: int, place: int) -> bool:
    """A busy process may change its lists between two reads: looked at again before it is believed to be unknown."""
    for _ in range(_TRIES):
        if looks_like_lists(objects, interpreter, place):
            return True
        objects.memory.forget()
    return False
