"""The pidfd: a descriptor of one process that never passes to another. Only `system/signals.py` imports this file."""

from __future__ import annotations

import errno
import os
import select
import signal
from collections.abc import Sequence
from pathlib import Path

from watchdog.model.errors import Failed, Refused
from watchdog.system.posix.grips import CONT, ENDING, HUP, INT, KILL, STOP, TERM, kill_child, to_pid

__all__ = ["CONT", "ENDING", "HUP", "INT", "KILL", "STOP", "TERM", "kill_child", "to_pid"]

CAN_ASK = True  # a process can be asked to end, and may clean up before it does


def take(pid: int, allow_unsafe: bool) -> int | None:
    """The pidfd; -1 if there is no such process; None on a kernel without pidfds, where that is allowed."""
    try:
        return os.pidfd_open(pid)
    except AttributeError:
        problem = "this build of Python has no pidfd"
    except OSError as error:
        # EINVAL, ENOENT: the number belongs to a thread, or to a process that is just going.
        if error.errno in (errno.ESRCH, errno.EINVAL, errno.ENOENT):
            return -1
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            raise Failed(
                f"pid {pid} could not be taken hold of, nothing was signalled",
                f"pidfd_open: {error.strerror}",
                "wd itself is short of something: look at `ulimit -n` and at the free memory",
            ) from None
        problem = f"pidfd_open: {error.strerror}"
    if not allow_unsafe:
        raise Refused(
            f"pid {pid} cannot be held fast on this system",
            f"{problem}: between the look and the signal its number could pass to another process",
            "--allow-unsafe-kill goes by its start time instead",
        )
    return None


def release(grip: int) -> None:
    """Let go. The process is not touched."""
    os.close(grip)


def finished(grip: int) -> bool:
    """Whether it has ended. A zombie has."""
    return bool(_ended([grip], 0.0))


def wait_any(grips: Sequence[int], seconds: float) -> None:
    """Return as soon as one of them has ended, after `seconds` at the latest."""
    _ended(grips, seconds)


def deliver(grip: int, number: int) -> None:
    """ProcessLookupError if it has ended, PermissionError if it may not be signalled."""
    signal.pidfd_send_signal(grip, number)


def end_group(folder: Path) -> None:
    """End everything in a control group (cgroup v2) at once. OSError where this kernel cannot."""
    with (folder / "cgroup.kill").open("w") as file:
        file.write("1")


def _ended(grips: Sequence[int], seconds: float) -> list[tuple[int, int]]:
    watcher = select.poll()
    for grip in grips:
        watcher.register(grip, select.POLLIN)
    return watcher.poll(seconds * 1000)
