"""What the request guard of a server has noted: which requests run, since when, and where the overdue ones stand."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from watchdog.library.request_guard import ENDING, FREE, HEADER, MAGIC, NAME, OVERDUE, SLOT
from watchdog.model.open_files import Descriptor
from watchdog.model.records import record
from watchdog.system.disk.open_files import read_open_file
from watchdog.text.units import format_duration

_LARGEST = 1 << 20  # bytes of a notes file
_DELETED = " (deleted)"  # what the kernel adds to a name that is gone


@record(frozen=True)
class GuardNote:
    """One request that runs."""

    pid: int
    what: str  # "GET /orders?page=2", or the name of a function
    begun: float  # seconds since the epoch
    allowed: float  # seconds
    overdue: bool
    thread: int  # the interpreter's ident
    where: str  # "shop.py:30 in export", once it is overdue

    def words(self, now: float) -> str:
        """One line for a person."""
        at = f", at {self.where}" if self.where else ""
        late = " overdue" if self.overdue else ""
        return f"{self.what} ({format_duration(max(0.0, now - self.begun))}{late}{at})"


def read_notes(descriptors: Iterable[Descriptor]) -> tuple[GuardNote, ...]:
    """The notes of every process among these, the longest-running request first.

    The guard keeps its file open, so an open descriptor of that name leads to it even without a path.
    """
    files: dict[tuple[int, str], int] = {}
    for one in descriptors:
        name = PurePath(one.target.removesuffix(_DELETED)).name
        if one.kind == "file" and name.startswith(NAME) and name.endswith(ENDING):
            files[one.pid, one.target] = one.number
    found = [
        note for (pid, _), number in files.items() for note in parse(read_open_file(pid, number, _LARGEST) or b"", pid)
    ]
    return tuple(sorted(found, key=lambda note: note.begun))


def parse(data: bytes, pid: int) -> Iterator[GuardNote]:
    """The notes in a file; none if it was written by another process (an inherited descriptor) or is no such file."""
    try:
        magic, writer, slots, size = HEADER.unpack_from(data)
        if magic != MAGIC or writer != pid or size < SLOT.size:
            return
        for slot in range(slots):
            state, begun, allowed, thread, what, where = SLOT.unpack_from(data, HEADER.size + slot * size)
            if state != FREE:
                yield GuardNote(pid, _text(what), begun, allowed, state == OVERDUE, thread, _text(where))
    except struct.error:
        return


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "backslashreplace")
