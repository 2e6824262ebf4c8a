"""macOS has no descriptor of a process: a signal goes by pid, right after a look at the start time.

Only `system/signals.py` imports this file.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from watchdog.model.errors import Refused
from watchdog.system.posix.grips import CONT, ENDING, HUP, INT, KILL, STOP, TERM, kill_child, to_pid

__all__ = ["CONT", "ENDING", "HUP", "INT", "KILL", "STOP", "TERM", "kill_child", "to_pid"]

CAN_ASK = True  # a process can be asked to end, and may clean up before it does


def take(pid: int, allow_unsafe: bool) -> int | None:
    """Always None, where that is allowed."""
    if not allow_unsafe:
        raise Refused(
            f"pid {pid} cannot be held fast on this system",
            "macOS has no pidfd: between the look and the signal its number could pass to another process",
            "--allow-unsafe-kill goes by its start time instead",
        )
    return None


def release(grip: int) -> None:
    """There is never a grip."""


def finished(grip: int) -> bool:
    return False


def wait_any(grips: Sequence[int], seconds: float) -> None:
    time.sleep(seconds)


def deliver(grip: int, number: int) -> None:
    raise ProcessLookupError


def end_group(folder: Path) -> None:
    raise OSError("macOS has no control groups")
