"""The only place from which a signal leaves this program, and the only one that knows of a dry run.

What a signal goes through is a grip: a pidfd on Linux, an open handle on Windows. A pid is used again; a process with
an open grip is never another one. `holds.py` takes the grip first and reads the facts second.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from watchdog.model.errors import Refused

if sys.platform == "linux":
    from watchdog.system.linux import grips
elif sys.platform == "win32":
    from watchdog.system.windows import grips
else:
    from watchdog.system.macos import grips

CAN_ASK = grips.CAN_ASK  # whether a process can be asked to end, and may clean up before it does
CONT, INT, KILL, STOP, TERM = grips.CONT, grips.INT, grips.KILL, grips.STOP, grips.TERM
HUP: int | None = grips.HUP  # None: this system has none
ENDING: tuple[int, ...] = grips.ENDING  # what asks this program to end
SENT_BY_PEOPLE = (KILL, TERM, INT, HUP)  # programs do not send themselves these
GONE = -1  # instead of a grip: there is no such process

Sent = Literal["sent", "gone", "changed", "denied", "rehearsed"]

_rehearsing = False


def take(pid: int, *, allow_unsafe: bool = False) -> int | None:
    """A grip on the process that has this pid now; GONE if there is none.

    None on a system without grips, where that is allowed; else Refused. Failed when this program is short of something.
    """
    return grips.take(pid, allow_unsafe)


def release(grip: int) -> None:
    """Let go. The process is not touched."""
    grips.release(grip)


def finished(grip: int) -> bool:
    """Whether the process behind a grip has ended. A zombie has: only its parent can take it away."""
    return grips.finished(grip)


def wait_any(held: Sequence[int], seconds: float) -> None:
    """Return as soon as one of them has ended, after `seconds` at the latest."""
    grips.wait_any(held, seconds)


def deliver(grip: int | None, pid: int, number: int, is_same: Callable[[], bool] | None = None) -> Sent:
    """Send a signal: the one way out.

    Through the grip; without one only where `is_same`, asked right before, says that the pid is still the same process.
    "gone" is not an error.
    """
    if reason := why_never(pid):
        raise Refused(f"pid {pid} is not signalled", reason)
    if grip is not None and finished(grip):
        return "gone"
    if _rehearsing:
        return "rehearsed"
    try:
        if grip is not None:
            grips.deliver(grip, number)
        elif is_same is not None and is_same():
            grips.to_pid(pid, number)
        else:
            return "gone"
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        return "denied"
    return "sent"


def why_never(pid: int) -> str:
    """Why nothing in this program ever signals that pid; empty for all others."""
    if pid <= 0:
        return "0 and negative numbers would mean whole groups of processes"
    if pid == 1:
        return "it is the first process of this machine or container: all others end with it"
    return "it is wd itself" if pid == os.getpid() else ""


def kill_grip(grip: int) -> None:
    """SIGKILL through a grip that another process of ours took and handed over."""
    with contextlib.suppress(OSError):
        grips.deliver(grip, KILL)


def kill_group(folder: Path) -> bool:
    """End everything in a control group at once, forks in flight included. False where this system cannot.

    `folder` is the group's in the file system of cgroup v2. Who calls has seen that only the target lives in it.
    """
    if _rehearsing:
        return False
    try:
        grips.end_group(folder)
    except OSError:
        return False
    return True


def end_child(child: subprocess.Popen[bytes], *, group: bool = True, within: float = 2.0) -> bool:
    """SIGKILL for a child that this process started, with its whole group if it leads one; False if it stays.

    Safe without a grip: until the child is reaped, neither its pid nor its group can belong to another.
    """
    if child.returncode is None:
        grips.kill_child(child, group=group)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(within)
    return child.returncode is not None


def to_child(pid: int, number: int) -> None:
    """A signal to a child that this process forked and has not reaped: until then its pid cannot be another's."""
    if pid > 0:
        with contextlib.suppress(ProcessLookupError):
            grips.to_pid(pid, number)


@contextlib.contextmanager
def rehearsal(dry_run: bool = True) -> Iterator[None]:
    """While this holds with `dry_run`, `deliver` finds out all it would and sends nothing."""
    global _rehearsing
    before, _rehearsing = _rehearsing, _rehearsing or dry_run
    try:
        yield
    finally:
        _rehearsing = before
