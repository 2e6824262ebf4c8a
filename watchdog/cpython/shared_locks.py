"""Locks that processes share: a semaphore of the system in memory that each of them has mapped.

A fork does not copy such a lock. Who holds it is known by nobody but its holder: when that one is killed, the lock
stays taken.
"""

from __future__ import annotations

import struct
from functools import cached_property

from watchdog.cpython.objects import Objects, plausible
from watchdog.model.records import record
from watchdog.system.process.memory import Unmapped, Unreadable, mappings

# Of `_multiprocessing.SemLock`, the same in all versions: where its semaphore lies, its counts.
_HANDLE = 16
_COUNTS, _COUNTS_AT = struct.Struct("<iiI"), 32  # taken here and not given back, most places, kind
_BY_ITS_OWNER = 0  # the kind that its owner may take again
_VALUE = struct.Struct("<I")
_FREE = 0x7FFFFFFF  # the bits of a semaphore that count its free places
_FILES = "/sem."  # how the C libraries name the file of a semaphore


@record(frozen=True)
class SharedState:
    """One such lock, as one of its processes sees it."""

    name: str  # the same in every process
    kind: str  # Lock, RLock, Semaphore
    locked: bool
    taken_here: int  # how often this process took it, less how often it gave it back


class SharedLocks:
    """Reads the semaphores of one process."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    @cached_property
    def _files(self) -> tuple[tuple[int, int, str], ...]:
        pieces = mappings(self._objects.memory.pid)
        found = () if isinstance(pieces, Unreadable) else pieces
        return tuple((one.start, one.end, one.file) for one in found if _FILES in one.path)

    def read(self, semlock: int) -> SharedState | None:
        """None where no semaphore of the system stands behind the object."""
        memory = self._objects.memory
        try:
            handle = memory.word(semlock + _HANDLE)
            piece = next((one for one in self._files if one[0] <= handle < one[1]), None)
            if piece is None or not plausible(handle):
                return None
            taken, places, again = _COUNTS.unpack(memory.read(semlock + _COUNTS_AT, _COUNTS.size))
            free = _VALUE.unpack(memory.fresh(handle, _VALUE.size))[0] & _FREE
        except Unmapped:
            return None
        start, _, file = piece
        kind = "RLock" if again == _BY_ITS_OWNER else "Lock" if places == 1 else "Semaphore"
        return SharedState(f"{file}+{handle - start}", kind, free == 0, taken)
