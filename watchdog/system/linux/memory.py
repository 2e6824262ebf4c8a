"""Another process's memory, read while it runs: no ptrace, no stop, nothing written.

Reading takes the target's memory-map lock, which a process that is stuck in the kernel may keep for ever. Whoever reads
does so in a child with a deadline (`system/child/child_call.py`).
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from watchdog.system.linux import rights
from watchdog.system.process.address_space import Mapping, Memory, Unreadable

READABLE = True
Found = TypeVar("Found")


def open_memory(pid: int) -> Memory | Unreadable:
    """The memory of a process, or why not: no such process, or no rights."""
    if sys.maxsize < 2**32 or sys.byteorder != "little":
        return Unreadable("memory is read on 64-bit little-endian machines only")
    opened = _tried(pid, lambda: os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC))
    if isinstance(opened, Unreadable):
        return opened
    return Memory(pid, functools.partial(os.pread, opened), functools.partial(os.close, opened))


def mappings(pid: int) -> tuple[Mapping, ...] | Unreadable:
    """Its address space in order; the first mapping of each file holds that file's beginning."""
    text = _tried(pid, lambda: Path(f"/proc/{pid}/maps").read_bytes())
    if isinstance(text, Unreadable):
        return text
    found = []
    for line in text.splitlines():
        fields = line.split(None, 5)
        start, _, end = fields[0].partition(b"-")
        path = os.fsdecode(fields[5]) if len(fields) > 5 else ""
        file = os.fsdecode(b":".join(fields[3:5]))
        found.append(Mapping(int(start, 16), int(end, 16), path, file))
    return tuple(found) or Unreadable(f"process {pid} has no memory: it has ended, or it is a thread of the kernel")


def executable(pid: int) -> str:
    """The path of the program it runs, as its own file system names it; empty if that cannot be read."""
    try:
        return str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        return ""


def _tried(pid: int, read: Callable[[], Found]) -> Found | Unreadable:
    try:
        return read()
    except PermissionError:
        return Unreadable(
            f"no right to read the memory of process {pid}",
            rights.remedy(),
        )
    except (FileNotFoundError, ProcessLookupError):
        return Unreadable(f"process {pid} is gone")
    except OSError as error:
        return Unreadable(f"the memory of process {pid} cannot be read: {error.strerror}")
