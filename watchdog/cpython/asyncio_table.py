"""The lists in which asyncio's own C code keeps its tasks from 3.14 on: one a thread, one for threads that are gone.

Where they begin, the module tells in its own record. That has no name in what is loaded, so it is looked for in
the module's data: it begins with the shape of a task as we know it, and repeats the size of an interpreter, which the
interpreter's table of offsets tells too. Where it is not found, these lists are not read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import PurePosixPath

from watchdog.cpython.objects import Objects, plausible
from watchdog.cpython.offsets import Offsets
from watchdog.model.records import record
from watchdog.system.process.memory import Mapping, Unmapped, Unreadable, executable, mappings

_RECORD = struct.Struct("<13Q")
_LARGEST_PIECE = 1 << 24  # bytes of a mapping that are searched
_MOST = 1 << 20  # tasks of a list


@record(frozen=True)
class AsyncioTable:
    """Where the heads of the lists are."""

    in_interpreter: int
    in_thread: int


def find_asyncio_table(objects: Objects) -> AsyncioTable | None:
    """None where the version has none, the process has not imported asyncio, or its module is not as we know it."""
    shape = _shape(objects.offsets)
    pieces = mappings(objects.memory.pid) if shape else ()
    if isinstance(pieces, Unreadable):
        return None
    for piece in _candidates(pieces, executable(objects.memory.pid)):
        found = _searched(objects, piece, shape)
        if found is not None:
            return found
    return None


def listed_tasks(objects: Objects, interpreter: int, table: AsyncioTable) -> list[int]:
    """Addresses of the tasks in the lists of one interpreter, with those that are done but not yet given up."""
    heads = [interpreter + table.in_interpreter]
    offsets = objects.offsets
    try:
        thread = objects.word(interpreter + offsets.interpreter_threads)
        while plausible(thread) and len(heads) < _MOST:
            heads.append(thread + table.in_thread)
            thread = objects.word(thread + offsets.thread_next)
    except Unmapped:
        pass
    return [task for head in heads for task in _members(objects, head)]


def _members(objects: Objects, head: int) -> Iterator[int]:
    """Ends where the list does, or where it makes no sense: the process goes on meanwhile."""
    seen: set[int] = set()
    try:
        here = objects.word(head)
        while plausible(here) and here != head and here not in seen and len(seen) < _MOST:
            seen.add(here)
            yield here - (objects.offsets.task_node or 0)
            here = objects.word(here)
    except Unmapped:
        return


def _shape(offsets: Offsets) -> bytes:
    """The beginning of the record; empty for a version without one."""
    if offsets.task_is_task is None:
        return b""
    head = (offsets.task_size, offsets.task_name, offsets.task_awaited_by, offsets.task_is_task)
    tail = (offsets.task_is_task + 1, offsets.task_coroutine, offsets.task_node, offsets.interpreter_size)
    return struct.pack("<8Q", *head, *tail)


def _candidates(pieces: tuple[Mapping, ...], program: str) -> list[Mapping]:
    """Of the module; where it is built into the interpreter, of libpython or the program."""
    small = [piece for piece in pieces if piece.end - piece.start <= _LARGEST_PIECE and piece.path.startswith("/")]
    names = [(PurePosixPath(piece.path).name, piece) for piece in small]
    own = [piece for name, piece in names if name.startswith("_asyncio.")]
    return own + [piece for name, piece in names if "libpython" in name or piece.path == program]


def _searched(objects: Objects, piece: Mapping, shape: bytes) -> AsyncioTable | None:
    try:
        data = objects.memory.fresh(piece.start, piece.end - piece.start)
    except Unmapped:
        return None
    place = data.find(shape)
    while place >= 0:
        if not place % 8 and place + _RECORD.size <= len(data):
            *_, in_interpreter, _thread_size, _loop, _task, in_thread = _RECORD.unpack_from(data, place)
            return AsyncioTable(in_interpreter, in_thread)
        place = data.find(shape, place + 1)
    return None
