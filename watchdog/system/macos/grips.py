"""The hold on a process of macOS: a kernel queue (kqueue) that has asked to hear of its end.

Only `system/signals.py` imports this file.

The queue is made first and the facts are read second, so they are those of the process that the queue knows. A signal
still goes by pid, right after the queue was asked whether the process has ended. What remains unsafe: in that moment
the process would have to end, be reaped, and its pid be given to another one. macOS gives pids in turn, so 100,000
processes would have to begin within it. Nobody has run this on a Mac yet.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from watchdog.model.errors import Failed, Refused
from watchdog.system.posix.grips import CONT, ENDING, HUP, INT, KILL, STOP, TERM, kill_child, to_pid

__all__ = ["CONT", "ENDING", "HUP", "INT", "KILL", "STOP", "TERM", "kill_child", "to_pid"]

CAN_ASK = True  # a process can be asked to end, and may clean up before it does

_PAUSE = 0.05  # seconds between two looks at several queues
_queues: dict[int, _Queue] = {}  # by the descriptor of each


class _Queue:
    """Hears of the end of one process."""

    def __init__(self, pid: int) -> None:
        """ProcessLookupError if there is no such process."""
        kernel: Any = select  # only the BSDs have it
        self.pid, self.ended = pid, False
        self._queue = kernel.kqueue()
        wanted = kernel.kevent(
            pid, filter=kernel.KQ_FILTER_PROC, flags=kernel.KQ_EV_ADD | kernel.KQ_EV_ENABLE, fflags=kernel.KQ_NOTE_EXIT
        )
        try:
            self._queue.control([wanted], 0, 0)
        except BaseException:
            self._queue.close()
            raise

    @property
    def descriptor(self) -> int:
        return int(self._queue.fileno())

    def hears_end(self, seconds: float) -> bool:
        """Whether it has ended by now, or does within so many seconds."""
        self.ended = self.ended or bool(self._queue.control(None, 1, seconds))
        return self.ended

    def close(self) -> None:
        self._queue.close()


def take(pid: int, allow_unsafe: bool) -> int | None:
    """The descriptor of its queue; -1 if there is no such process. Where there are no queues: None, if allowed."""
    if not hasattr(select, "kqueue"):
        if allow_unsafe:
            return None
        raise Refused(
            f"pid {pid} cannot be held fast on this system",
            "between the look and the signal its number could pass to another process",
            "--allow-unsafe-kill goes by its start time instead",
        )
    try:
        queue = _Queue(pid)
    except ProcessLookupError:
        return -1
    except OSError as error:
        why = error.strerror or str(error)
        raise Failed(f"pid {pid} could not be taken hold of, nothing was signalled", why) from None
    _queues[queue.descriptor] = queue
    return queue.descriptor


def release(grip: int) -> None:
    """Let go. The process is not touched."""
    if (queue := _queues.pop(grip, None)) is not None:
        queue.close()


def finished(grip: int) -> bool:
    """Whether it has ended. One that was not reaped yet has."""
    return _queues[grip].hears_end(0)


def wait_any(grips: Sequence[int], seconds: float) -> None:
    """Return as soon as one of them has ended, after `seconds` at the latest."""
    if len(grips) == 1:
        _queues[grips[0]].hears_end(seconds)
        return
    end = time.monotonic() + seconds
    while not any(finished(one) for one in grips) and (left := end - time.monotonic()) > 0:
        time.sleep(min(_PAUSE, left))


def deliver(grip: int, number: int) -> None:
    """ProcessLookupError if it has ended, PermissionError if it may not be touched."""
    if finished(grip):
        raise ProcessLookupError
    os.kill(_queues[grip].pid, number)


def end_group(folder: Path) -> None:
    raise OSError("macOS has no control groups")
