"""How a signal is sent on any POSIX system. Only `system/signals.py` imports this file."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

HUP, INT, KILL, TERM = signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM
STOP, CONT = signal.SIGSTOP, signal.SIGCONT
ENDING = (signal.SIGTERM, signal.SIGINT)  # what asks this program to end


def to_pid(pid: int, number: int) -> None:
    """By its number alone: the caller has just seen that the number still belongs to the process."""
    os.kill(pid, number)


def kill_child(child: subprocess.Popen[bytes], *, group: bool) -> None:
    """SIGKILL for a child that was not reaped yet, with its whole group if it leads one."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if group and os.getpgid(child.pid) == child.pid:
            os.killpg(child.pid, KILL)
        else:
            os.kill(child.pid, KILL)
