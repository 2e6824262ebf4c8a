"""The handle of a process: while it is open, Windows gives the pid to nobody else.

Only `system/signals.py` imports this file.

Windows has no signals. The numbers stand for what is done through the handle: STOP and CONT suspend and resume, all
others end the process at once.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from watchdog.model.errors import Failed
from watchdog.system.windows import jobs, kernel

HUP = None
INT, KILL, TERM = int(signal.SIGINT), 9, int(signal.SIGTERM)
CONT, STOP = 18, 19
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGBREAK)  # what asks this program to end

CAN_ASK = False  # nothing can be said to a process: it is ended

_RIGHTS = kernel.TERMINATE | kernel.SUSPEND_RESUME | kernel.QUERY_LIMITED | kernel.SYNCHRONIZE
_LOOK_ONLY = kernel.QUERY_LIMITED | kernel.SYNCHRONIZE
_EXIT_CODE = 1  # of what is ended here, as the Task Manager does
_PAUSE = 0.05  # seconds between two waits where there are more handles than one wait takes


def take(pid: int, allow_unsafe: bool) -> int | None:
    """The handle; -1 if there is no such process. Without the right to end it, one that only looks."""
    for rights in (_RIGHTS, _LOOK_ONLY):
        try:
            return kernel.open_process(pid, rights)
        except OSError as error:
            if error.winerror == kernel.INVALID_PARAMETER:
                return -1
            if error.winerror != kernel.ACCESS_DENIED or rights == _LOOK_ONLY:
                why = error.strerror or str(error)
                raise Failed(f"pid {pid} could not be taken hold of, nothing was ended", why) from None
    raise AssertionError("unreachable")


def release(grip: int) -> None:
    """Let go. The process is not touched."""
    kernel.close(grip)


def finished(grip: int) -> bool:
    """Whether it has ended."""
    return kernel.has_ended(grip)


def wait_any(grips: Sequence[int], seconds: float) -> None:
    """Return as soon as one of them has ended, after `seconds` at the latest."""
    first = list(grips[: kernel.MOST_WAITED_FOR])
    if not first:
        time.sleep(seconds)
        return
    kernel.wait_any(first, int((min(seconds, _PAUSE) if len(first) < len(grips) else seconds) * 1000))


def deliver(grip: int, number: int) -> None:
    """ProcessLookupError if it has ended, PermissionError if it may not be touched."""
    try:
        if number == STOP:
            kernel.suspend(grip)
        elif number == CONT:
            kernel.resume(grip)
        else:
            kernel.terminate(grip, _EXIT_CODE)
    except OSError as error:
        if kernel.has_ended(grip):
            raise ProcessLookupError from None
        raise PermissionError(str(error)) from None


def to_pid(pid: int, number: int) -> None:
    """Never: without a handle nothing is ended."""
    raise PermissionError(f"pid {pid} is not held by a handle")


def kill_child(child: subprocess.Popen[bytes], *, group: bool) -> None:
    """End a child that was not reaped yet, through the handle that it was started with. There are no groups."""
    with contextlib.suppress(OSError):
        child.kill()


def end_group(folder: Path) -> None:
    """End everything in a job of ours."""
    jobs.end(str(folder), _EXIT_CODE)
