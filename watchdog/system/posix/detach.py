"""A process of ours that outlives its caller, with nothing of the place where wd was called; or that never does."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def leave() -> None:
    """Another session and folder, no streams, signals as after a boot; and from now on a home for orphans (Linux)."""
    os.setsid()
    os.chdir("/")
    empty = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(empty, stream)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        # A handler that does nothing, not SIG_IGN: what is ignored stays so in the service, what is caught does not.
        signal.signal(number, nothing)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    adopt_orphans()


def adopt_orphans() -> None:
    """From now on the orphans among this process's descendants become its children (Linux)."""
    if sys.platform == "linux":
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with(parent: int) -> None:
    """The kernel ends this process when its parent ends (Linux). `parent` may have ended already."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def nothing(number: int, frame: object) -> None:
    """A handler: the signal is taken, and no more."""
