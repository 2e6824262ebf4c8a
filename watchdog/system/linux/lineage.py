"""What ties a process to those it came from when parent and session no longer do: its memory's layout and its group.

The kernel places stack, heap and program of every newly executed program at random, and a fork copies that layout. So
two processes with the same layout come from one another by forks alone, however often they changed session and parent.
Only files of /proc that never block are read here.
"""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path

from watchdog.system.linux import processes
from watchdog.system.process.table import Layout, Row

_MOMENT = 10  # hundredths of a second


def layout(pid: int) -> Layout | None:
    """Where its program, stack and heap begin; None if it is gone, may not be looked at, or nothing is at random."""
    return processes.layout(pid) if _randomised() else None


def layout_of(row: Row) -> Layout | None:
    """The same, as it was when the table was read."""
    return row.layout if row.layout is not None and _randomised() else None


def ticks_now() -> int:
    """The present moment in the unit of a process's start time; 0 where that cannot be told."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


def is_settled(started: int) -> bool:
    """Whether a process with this start time has lived for more than a moment."""
    return ticks_now() - started > _MOMENT


def newest_pid() -> int:
    """The number that the kernel gave last, to a process or a thread; 0 where that cannot be told."""
    fields = (processes.slurp("/proc/loadavg") or b"").split()
    return int(fields[-1]) if fields and fields[-1].isdigit() else 0


def forks() -> int:
    """How many processes and threads were begun since the boot; 0 where that cannot be told."""
    at = (text := processes.slurp("/proc/stat") or b"").find(b"\nprocesses ")
    word = text[at:].split(None, 2)[1] if at >= 0 else b""
    return int(word) if word.isdigit() else 0


def wait_channel(pid: int) -> str:
    """The kernel function that its first thread waits in; empty if that cannot be told."""
    return _text(f"/proc/{pid}/wchan").strip().strip("0")


def group_folder(pid: int) -> Path | None:
    """The folder of its control group (cgroup v2); None where there is none, or where it is the one of everybody."""
    line = next((line for line in _text(f"/proc/{pid}/cgroup").splitlines() if line.startswith("0::")), "")
    path = line.removeprefix("0::").strip("/")
    if not path or ".." in path.split("/"):
        return None
    for mount in _text("/proc/self/mountinfo").splitlines():
        left, _, right = mount.partition(" - ")
        if right.startswith("cgroup2 ") and left.split()[3] == "/":
            folder = Path(left.split()[4]) / path
            return folder if folder.is_dir() else None
    return None


def born_together(pid: int) -> frozenset[int]:
    """Empty: a control group may hold others, and layout and session tell more."""
    return frozenset()


def group_members(folder: Path) -> frozenset[int]:
    """The pids in a control group and in all groups below it."""
    found: set[int] = set()
    for place, _, names in os.walk(folder):
        if "cgroup.procs" in names:
            found.update(int(word) for word in _text(f"{place}/cgroup.procs").split())
    return frozenset(found)


@functools.cache
def _randomised() -> bool:
    return _text("/proc/sys/kernel/randomize_va_space").strip() not in ("", "0")


def _text(path: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""
