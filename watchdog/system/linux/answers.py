"""What a child of ours answers over a pipe, read with a limit: the child may stall where no signal reaches it."""

from __future__ import annotations

import os
import select
import time
from typing import IO


class Stalled(Exception):
    """The child is blocked, has ended, or the time is over."""


class Answers:
    """A child that is only short of CPU is waited for: a busy machine is not a stuck child."""

    def __init__(self, pipe: IO[bytes], pid: int, stall: float) -> None:
        self.pid = pid  # whose state tells whether it is stuck
        self._pipe, self._stall = pipe, stall
        self._text, self._at = b"", 0  # what has come, and how far it was read

    def line(self, end: float, most: int = 4096) -> bytes:
        """The next line without its end."""
        while (found := self._text.find(b"\n", self._at)) < 0:
            if len(self._text) - self._at > most:
                raise Stalled
            self._text, self._at = self._text[self._at :] + self._more(end), 0
        head, self._at = self._text[self._at : found], found + 1
        return head

    def exactly(self, length: int, end: float) -> bytes:
        """The next so many bytes."""
        there = len(self._text) - self._at
        if there < length:
            pieces = [self._text[self._at :]]
            while there < length:
                pieces.append(self._more(end))
                there += len(pieces[-1])
            self._text, self._at = b"".join(pieces), 0
        found = self._text[self._at : self._at + length]
        self._at += length
        return found

    def _more(self, end: float) -> bytes:
        stalls = time.monotonic() + self._stall
        poll = select.poll()  # not select(): its descriptors end at 1024
        poll.register(self._pipe, select.POLLIN)
        while not poll.poll(max(0.0, min(stalls, end) - time.monotonic()) * 1000):
            if time.monotonic() >= end or _is_blocked(self.pid):
                raise Stalled
            stalls = time.monotonic() + self._stall
        text = os.read(self._pipe.fileno(), 65536)
        if not text:
            raise Stalled
        return text


def _is_blocked(pid: int) -> bool:
    """Whether it waits for something other than a CPU."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            stat = file.read()
    except OSError:
        return True
    return stat[stat.rindex(b")") + 2 : stat.rindex(b")") + 3] != b"R"
