"""A bounded queue of whole messages before a descriptor. It never waits: what is not taken now is taken later."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

Write = Callable[[list[bytes | memoryview]], int]
PIECE = 1 << 18  # bytes read at once
_AT_ONCE = 64  # pieces handed to the system in one call
_FULL_PIPE = 8  # reads that empty the largest pipe
_LOW = 0.5  # share of the bound below which a sender that was stopped may go on


class Outlet:
    """The way to one reader. `size` is what waits in it; who fills it looks at `full` and stops reading its source."""

    def __init__(self, loop: asyncio.AbstractEventLoop, bound: int, drained: Callable[[], None]) -> None:
        self._loop, self._bound, self._drained = loop, bound, drained
        self._queue: deque[tuple[bytes, tuple[Any, ...]]] = deque()  # (bytes, what they belong to)
        self._begun = 0  # bytes of the first piece that are written
        self._descriptor = -1
        self._write: Write = lambda pieces: os.writev(self._descriptor, pieces)
        self._waiting = False
        self._broken: Callable[[OSError], None] = lambda error: None
        self._was_full = False
        self.size = 0
        self.moved = loop.time()  # when bytes were last taken

    @property
    def full(self) -> bool:
        if self.size >= self._bound:
            self._was_full = True
        elif self.size <= self._bound * _LOW:
            self._was_full = False
        return self._was_full

    @property
    def empty(self) -> bool:
        return not self._queue

    @property
    def attached(self) -> bool:
        return self._descriptor >= 0

    def attach(
        self,
        descriptor: int,
        broken: Callable[[OSError], None],
        write: Write | None = None,
    ) -> None:
        self._descriptor, self._broken = descriptor, broken
        self._write = write or (lambda pieces: os.writev(descriptor, pieces))
        self.moved = self._loop.time()

    def detach(self) -> list[tuple[Any, ...]]:
        """The reader is gone: drop a message that was written in part; gives what the others belong to."""
        self._wait_for_room(False)
        self._descriptor = -1
        if self._begun:
            piece, _ = self._queue.popleft()
            self.size -= len(piece) - self._begun
            self._begun = 0
        return [owners for _, owners in self._queue]

    def put(self, data: bytes, owners: tuple[Any, ...] = ()) -> None:
        """Add at the end; written when `flush` is called."""
        if not data:
            return
        if not self._queue:
            self.moved = self._loop.time()
        self._queue.append((data, owners))
        self.size += len(data)

    def flush(self) -> None:
        """Write what is taken without a wait; the rest follows when there is room."""
        if self._descriptor < 0:
            return
        try:
            while self._queue:
                pieces: list[bytes | memoryview] = [piece for piece, _ in islice(self._queue, _AT_ONCE)]
                if self._begun:
                    pieces[0] = memoryview(pieces[0])[self._begun :]
                self._took(self._write(pieces))
        except BlockingIOError:
            pass
        except OSError as error:
            self._wait_for_room(False)
            self._broken(error)
            return
        self._wait_for_room(bool(self._queue))

    def _took(self, count: int) -> None:
        self.size -= count
        self.moved = self._loop.time()
        count += self._begun
        while self._queue and count >= len(self._queue[0][0]):
            count -= len(self._queue.popleft()[0])
        self._begun = count

    def _wait_for_room(self, wanted: bool) -> None:
        if wanted and not self._waiting:
            self._loop.add_writer(self._descriptor, self._go_on)
        elif not wanted and self._waiting:
            with contextlib.suppress(OSError, ValueError):
                self._loop.remove_writer(self._descriptor)
        self._waiting = wanted

    def _go_on(self) -> None:
        self.flush()
        self._drained()


class Inlet:
    """A source that is read only while what it fills has room."""

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[bytes], None], over: Callable[[], None]):
        self._loop, self._take, self._over = loop, take, over
        self._descriptor = -1
        self._reading = False
        self._stopped = False

    def attach(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.allow(not self._stopped)

    def detach(self) -> None:
        self.allow(False)
        self._descriptor, self._stopped = -1, False

    def allow(self, wanted: bool) -> None:
        """Read, or let the sender wait."""
        self._stopped = not wanted
        if self._descriptor < 0 or wanted == self._reading:
            return
        self._reading = wanted
        if wanted:
            self._loop.add_reader(self._descriptor, self._ready)
        else:
            self._loop.remove_reader(self._descriptor)

    def _ready(self) -> None:
        try:
            data = os.read(self._descriptor, PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._take(data)
        else:
            self.allow(False)
            self._descriptor = -1
            self._over()

    def drain(self) -> None:
        """Take what is in the pipe now, without waiting for those who still hold its other end."""
        for _ in range(_FULL_PIPE if self._descriptor >= 0 else 0):
            try:
                data = os.read(self._descriptor, PIECE)
            except OSError:
                return
            if not data:
                return
            self._take(data)
