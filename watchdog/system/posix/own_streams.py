"""The standard streams that this process got from its host, made fit for an event loop, and the host itself."""

from __future__ import annotations

import contextlib
import os
import stat

STDERR = 2
_PIECE = 4096  # bytes that a pipe which is ready takes at once, without a wait


class HostStreams:
    """Reading and writing end that never block. What is printed by mistake on standard output goes nowhere."""

    def __init__(self) -> None:
        self.reading, self._restore_in = _unblocked(0, os.O_RDONLY)
        self.writing, self._restore_out = _unblocked(1, os.O_WRONLY)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1):
            os.dup2(nowhere, stream)
        os.close(nowhere)

    def write(self, pieces: list[bytes | memoryview]) -> int:
        """How many bytes were taken. BlockingIOError if none now; BrokenPipeError if nobody reads any more."""
        if os.get_blocking(self.writing):  # a file, or a terminal that must stay as it is
            return os.write(self.writing, pieces[0][:_PIECE])
        return os.writev(self.writing, pieces)

    def close_writing(self) -> None:
        """End of file for the host."""
        if self.writing >= 0:
            self._close(self.writing, self._restore_out)
            self.writing = -1

    def close(self) -> None:
        self.close_writing()
        if self.reading >= 0:
            self._close(self.reading, self._restore_in)
            self.reading = -1

    @staticmethod
    def _close(descriptor: int, restore: bool) -> None:
        with contextlib.suppress(OSError):
            if restore:
                os.set_blocking(descriptor, True)
            os.close(descriptor)


def _unblocked(stream: int, mode: int) -> tuple[int, bool]:
    """(a descriptor, whether its blocking must be restored at the end).

    A pipe is opened once more, so that the others who share it see no change. A socket cannot be: it is switched.
    """
    kind = os.fstat(stream).st_mode
    if stat.S_ISFIFO(kind):
        with contextlib.suppress(OSError):
            return os.open(f"/proc/self/fd/{stream}", mode | os.O_NONBLOCK | os.O_CLOEXEC), False
    found = os.dup(stream)
    if not stat.S_ISSOCK(kind) and not stat.S_ISFIFO(kind):
        return found, False
    restore = os.get_blocking(found)
    os.set_blocking(found, False)
    return found, restore


def parent_watch() -> int | None:
    """A descriptor that becomes readable when the process that started us ends; None where there is none."""
    parent = os.getppid()
    try:
        watch = os.pidfd_open(parent) if parent > 1 else None
    except (AttributeError, OSError):
        return None
    if watch is not None and os.getppid() != parent:
        os.close(watch)
        return None
    return watch
