"""Processes of Windows: psutil's facts, told apart by pid and creation time, to a tenth of a microsecond.

That moment is read from a handle. Processes that wd may not open (of Windows itself, mostly) are told apart by psutil's
coarser one.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable
from dataclasses import replace

import psutil

from watchdog.model.errors import CannotTell
from watchdog.model.process import Identity, Process
from watchdog.system.portable.processes import (
    command_lines,
    environment,
    expect_questions,
    pid_max,
    thread_ids,
    with_commands,
)
from watchdog.system.portable.processes import read as read_portable
from watchdog.system.process.table import Row, Table
from watchdog.system.windows import accounts, kernel

__all__ = [
    "boot_id",
    "command_lines",
    "environment",
    "expect_questions",
    "is_alive",
    "pid_max",
    "read",
    "rows",
    "table",
    "thread_ids",
    "with_commands",
]

# They begin with Windows and end with it, and their creation times do not move when the clock is set.
_PERMANENT = ("smss.exe", "csrss.exe", "wininit.exe", "services.exe")
_IDLE, _SYSTEM = 0, 4


@functools.cache
def boot_id() -> str:
    """The creation of the first process that lives as long as Windows does. CannotTell where none can be seen."""
    began = [
        one.create_time()
        for one in psutil.process_iter(["name"])
        if str(one.info["name"] or "").lower() in _PERMANENT and one.pid not in (_IDLE, _SYSTEM)
    ]
    if not began:
        raise CannotTell("The processes of this machine cannot be read.", "no process of Windows itself is seen.")
    return f"{round(min(began) * 100):x}"


def table() -> dict[int, Process]:
    """Every process by pid, without command lines."""
    return {pid: found for pid in psutil.pids() if (found := read(pid)) is not None}


def rows(only: Iterable[int] | None = None) -> dict[int, Row]:
    """The same, without what a whole process tells; of everybody, or of these pids."""
    wanted = psutil.pids() if only is None else only
    return dict(Table.of({pid: found for pid in wanted if (found := read(pid)) is not None}).rows)


def read(pid: int) -> Process | None:
    """One process, without its command line; None if there is none."""
    try:
        handle = kernel.open_process(pid, kernel.QUERY_LIMITED | kernel.SYNCHRONIZE)
    except OSError:
        found = read_portable(pid)
        return None if found is None else replace(found, identity=Identity(boot_id(), pid, round(found.started * 1e7)))
    try:
        if kernel.has_ended(handle):  # somebody else holds a handle of it, too
            return None
        created, found = kernel.creation_time(handle), read_portable(pid)
        if found is None:
            return None
        uid = found.uid
        with contextlib.suppress(OSError):
            uid = accounts.learn(kernel.user_sid(handle), found.user.rpartition("\\")[2])
        return replace(found, identity=Identity(boot_id(), pid, created), uid=uid)
    finally:
        kernel.close(handle)


def is_alive(identity: Identity) -> bool:
    """Whether this very process lives, by the moment of its creation."""
    if identity.boot != boot_id():
        return False
    try:
        handle = kernel.open_process(identity.pid, kernel.QUERY_LIMITED | kernel.SYNCHRONIZE)
    except OSError:
        found = read(identity.pid)
        return found is not None and found.identity == identity
    try:
        return kernel.creation_time(handle) == identity.ticks and not kernel.has_ended(handle)
    finally:
        kernel.close(handle)
