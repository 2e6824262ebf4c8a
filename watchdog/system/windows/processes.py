"""Processes of Windows, told apart by pid and creation time, to a tenth of a microsecond."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable

import psutil

from watchdog.model.errors import CannotTell
from watchdog.model.process import Identity, Process
from watchdog.system.portable.processes import (
    SHORTEST_CPU_USE,
    command_lines,
    cpu_seconds,
    environment,
    expect_questions,
    pid_max,
    transferred,
    with_commands,
)
from watchdog.system.process.table import Row
from watchdog.system.windows import accounts, everybody, kernel
from watchdog.system.windows.everybody import Told

__all__ = [
    "SHORTEST_CPU_USE",
    "boot_id",
    "command_lines",
    "cpu_seconds",
    "environment",
    "expect_questions",
    "is_alive",
    "pid_max",
    "read",
    "rows",
    "table",
    "thread_ids",
    "transferred",
    "with_commands",
]

# They begin with Windows and end with it, and their creation times do not move when the clock is set.
_PERMANENT = ("smss.exe", "csrss.exe", "wininit.exe", "services.exe")
_IDLE, _SYSTEM = 0, 4


@functools.cache
def boot_id() -> str:
    """The creation of the first process that lives as long as Windows does. CannotTell where none can be seen."""
    began = [one.created for one in everybody.look().values() if one.name.lower() in _PERMANENT and one.created]
    if not began:
        raise CannotTell("The processes of this machine cannot be read.", "no process of Windows itself is seen.")
    return f"{min(began):x}"


def table() -> dict[int, Process]:
    """Every process by pid, without command lines."""
    return {pid: whole for pid, one in everybody.look().items() if (whole := _whole(one)) is not None}


def rows(only: Iterable[int] | None = None) -> dict[int, Row]:
    """The same, without what a whole process tells; of everybody, or of these pids."""
    found = everybody.look()
    return {pid: _row(found[pid]) for pid in (found if only is None else only) if pid in found}


def read(pid: int) -> Process | None:
    """One process, without its command line; None if there is none."""
    told = everybody.look().get(pid)
    return None if told is None else _whole(told)


def is_alive(identity: Identity) -> bool:
    """Whether this very process lives, by the moment of its creation."""
    if identity.boot != boot_id():
        return False
    try:
        handle = kernel.open_process(identity.pid, kernel.QUERY_LIMITED | kernel.SYNCHRONIZE)
    except OSError:
        told = everybody.look().get(identity.pid)
        return told is not None and told.created == identity.ticks
    try:
        return kernel.creation_time(handle) == identity.ticks and not kernel.has_ended(handle)
    finally:
        kernel.close(handle)


def thread_ids(pid: int) -> tuple[int, ...]:
    """The system's ids of its threads; empty if it is gone."""
    told = everybody.look().get(pid)
    return () if told is None else tuple(one.tid for one in told.threads)


def _row(told: Told) -> Row:
    return Row(
        Identity(boot_id(), told.pid, told.created),
        told.parent,
        told.name,
        told.state,
        0,
        0,
        told.pid in (_IDLE, _SYSTEM),
        told.cpu_seconds,
    )


def _whole(told: Told) -> Process | None:
    """None for one that has ended and is still told because somebody has a handle of it."""
    user = ("?", -1)
    with contextlib.suppress(OSError):  # of another user, or of Windows itself
        handle = kernel.open_process(told.pid, kernel.QUERY_LIMITED | kernel.SYNCHRONIZE)
        try:
            if kernel.has_ended(handle) or kernel.creation_time(handle) != told.created:
                return None
            user = _user(told.pid, kernel.user_sid(handle))
        finally:
            kernel.close(handle)
    return Process(
        identity=Identity(boot_id(), told.pid, told.created),
        parent=told.parent,
        name=told.name,
        state=told.state,
        session=0,
        group=0,
        terminal=0,
        user=user[0],
        uid=user[1],
        started=everybody.seconds(told.created),
        threads=len(told.threads),
        rss=told.rss,
        cpu_seconds=told.cpu_seconds,
        kernel=told.pid in (_IDLE, _SYSTEM),
    )


def _user(pid: int, sid: str) -> tuple[str, int]:
    """(name, number) of the user with this identifier; Windows is asked once for each."""
    known = accounts.known(sid)
    if known is None:
        try:
            known = psutil.Process(pid).username().rpartition("\\")[2]
        except (psutil.Error, OSError):
            known = sid
    return known, accounts.learn(sid, known)
