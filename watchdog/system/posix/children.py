"""Follows a child of ours to its end, and reads what it prints."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

ALONE: dict[str, Any] = {"start_new_session": True}  # for subprocess.Popen: the terminal's Ctrl-C does not reach it
NEEDED: dict[str, str] = {}  # variables that every program needs
_PIECE = 65536


def follow(child: subprocess.Popen[bytes], take: Callable[[bytes], object], end: float) -> bool:
    """Give `take` what it prints until it has ended; False when the moment `end` came first."""
    assert child.stdout is not None
    pipe = child.stdout.fileno()
    watcher = select.poll()
    watcher.register(pipe, select.POLLIN)
    reading = True
    with _exit_watch(child.pid) as finished:
        if finished is not None:
            watcher.register(finished, select.POLLIN)
        while child.poll() is None:
            left = end - time.monotonic()
            if left <= 0:
                return False
            ready = watcher.poll(min(left, 10.0 if finished is not None else 0.02) * 1000)
            if reading and any(descriptor == pipe for descriptor, _ in ready):
                piece = os.read(pipe, _PIECE)
                take(piece)
                if not piece:  # it closed its output and works on
                    reading = False
                    watcher.unregister(pipe)
            elif not reading and finished is None:
                time.sleep(0.02)
    return True


def drain(child: subprocess.Popen[bytes], take: Callable[[bytes], object]) -> None:
    """What is in the pipe now, without waiting for those who still hold its other end. The pipe is closed."""
    if child.stdout is None:
        return
    with child.stdout:
        descriptor = child.stdout.fileno()
        os.set_blocking(descriptor, False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(64):
                piece = os.read(descriptor, _PIECE)
                if not piece:
                    break
                take(piece)


def has_ended(pid: int) -> bool:
    """Whether a child of ours has ended, without reaping it: until then its pid cannot belong to another."""
    if sys.platform == "linux":
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    import psutil  # here: the light interpreters of Linux have none

    return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def next_ended() -> int | None:
    """The pid of a child of ours that has ended and is not reaped yet; None if there is none, or no child."""
    if sys.platform == "linux":
        with contextlib.suppress(ChildProcessError):
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            return ended.si_pid if ended is not None else None
        return None
    import psutil

    return next((one.pid for one in psutil.Process().children() if has_ended(one.pid)), None)


def are_left() -> bool:
    """Whether there is a child of ours, running or not reaped."""
    if sys.platform == "linux":
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return True
    import psutil

    return bool(psutil.Process().children())


@contextlib.contextmanager
def _exit_watch(pid: int) -> Iterator[int | None]:
    """A descriptor that becomes readable when our own child ends; None where there is no such thing."""
    if sys.platform != "linux":
        yield None
        return
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)
