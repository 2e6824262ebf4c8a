"""The memory of another process in cached pieces, however the system reads it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from types import TracebackType

from watchdog.model.records import record

CHUNK = 65536
PAGE = 4096
_KEPT = 2048  # chunks held at most, single pages counted: 128 MiB of ours, however large the target is
_WORD = struct.Struct("<Q").unpack_from


@record(frozen=True)
class Unreadable:
    """Why a memory cannot be read, and the right or command that would change that."""

    reason: str
    remedy: str = ""


@record(frozen=True)
class Mapping:
    """One piece of an address space."""

    start: int
    end: int
    path: str  # of the mapped file; empty for anonymous memory
    file: str = ""  # its device and number: the same in every process that maps it


class Unmapped(LookupError):
    """Nothing can be read at this address. Caught by the collectors: a pointer led nowhere."""


class Memory:
    """The address space of one process, in cached pieces: `forget` them to see it as it is now."""

    def __init__(self, pid: int, read_at: Callable[[int, int], bytes], close: Callable[[], None]) -> None:
        self.pid = pid
        self._read_at, self._close = read_at, close  # so many bytes at an address, or fewer
        self._chunks: dict[int, bytes] = {}
        self._pages: dict[int, bytes] = {}  # of chunks with a hole

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    def read(self, address: int, size: int) -> bytes:
        """Exactly `size` bytes; Unmapped if any of them is not there."""
        index, start = divmod(address, CHUNK)
        chunk = self._chunks.get(index)
        if chunk is None:
            chunk = self._load(index)
        if chunk and start + size <= CHUNK:
            return chunk[start : start + size]
        return self._gather(address, size)

    def word(self, address: int) -> int:
        """The 8 bytes there as a number, little end first."""
        found: int = _WORD(self.read(address, 8))[0]
        return found

    def unpack(self, layout: struct.Struct, address: int) -> tuple[int, ...]:
        """The numbers of a structure; the quick way for millions of them."""
        start = address % CHUNK
        chunk = self._chunks.get(address // CHUNK)
        if chunk and start + layout.size <= CHUNK:
            return layout.unpack_from(chunk, start)
        return layout.unpack(self.read(address, layout.size))

    def fresh(self, address: int, size: int) -> bytes:
        """The bytes as they are at this moment, past the cache."""
        return self._pread(address, size)

    def forget(self) -> None:
        """Drop what was read so far."""
        self._chunks.clear()
        self._pages.clear()

    def _load(self, index: int) -> bytes:
        if len(self._chunks) + len(self._pages) * PAGE // CHUNK >= _KEPT:
            self.forget()
        try:
            chunk = self._pread(index * CHUNK, CHUNK)
        except Unmapped:
            chunk = b""  # partly there perhaps: page by page
        self._chunks[index] = chunk
        return chunk

    def _gather(self, address: int, size: int) -> bytes:
        parts = []
        while size > 0:
            page, start = divmod(address, PAGE)
            length = min(size, PAGE - start)
            found = self._pages.get(page)
            if found is None:
                chunk = self._chunks.get(address // CHUNK) or self._load(address // CHUNK)
                offset = page * PAGE % CHUNK
                found = chunk[offset : offset + PAGE] if chunk else self._pread(page * PAGE, PAGE)
                self._pages[page] = found
            parts.append(found[start : start + length])
            address, size = address + length, size - length
        return b"".join(parts)

    def _pread(self, address: int, size: int) -> bytes:
        try:
            found = self._read_at(size, address)
        except (OSError, OverflowError, ValueError) as error:
            raise Unmapped(f"nothing at {address:#x}: {error}") from None
        if len(found) != size:
            raise Unmapped(f"{len(found)} of {size} bytes at {address:#x}")
        return found
