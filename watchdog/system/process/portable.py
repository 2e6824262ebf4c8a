"""Processes through psutil, for macOS and Windows: the same functions as `linux.py`.

Not proven: nobody has run this on those systems yet. A start time there is as fine as psutil makes it (a clock tick or
better), and command lines are read in this process.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace

import psutil

from watchdog.model.process import Identity, Listener, Process
from watchdog.system.process.table import Row, Table

_STATES = {
    psutil.STATUS_RUNNING: "R",
    psutil.STATUS_SLEEPING: "S",
    psutil.STATUS_DISK_SLEEP: "D",
    psutil.STATUS_STOPPED: "T",
    psutil.STATUS_TRACING_STOP: "t",
    psutil.STATUS_ZOMBIE: "Z",
    psutil.STATUS_DEAD: "X",
    psutil.STATUS_IDLE: "S",
}
_ERRORS = (psutil.Error, OSError, ValueError)


def boot_id() -> str:
    """The boot's moment stands for its id: these systems have none."""
    return f"{int(psutil.boot_time()):x}"


def table() -> dict[int, Process]:
    """Every process by pid, without command lines."""
    return {pid: found for pid in psutil.pids() if (found := read(pid)) is not None}


def rows(only: Iterable[int] | None = None) -> dict[int, Row]:
    """The same, without what a whole process tells; of everybody, or of these pids."""
    wanted = psutil.pids() if only is None else only
    return dict(Table.of({pid: found for pid in wanted if (found := read(pid)) is not None}).rows)


def read(pid: int) -> Process | None:
    """One process, without its command line; None if there is none, or nothing of it may be read."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            started = process.create_time()
            times, user = process.cpu_times(), _user(process)
            return Process(
                identity=Identity(boot_id(), pid, round(started * 100)),
                parent=process.ppid(),
                name=process.name(),
                state=_STATES.get(process.status(), "S"),
                session=0,
                group=0,
                terminal=1 if getattr(process, "terminal", lambda: None)() else 0,
                uid=_uid(process),
                user=user,
                started=started,
                threads=process.num_threads(),
                rss=process.memory_info().rss,
                cpu_seconds=times.user + times.system,
                kernel=pid in (0, 4) and psutil.WINDOWS,
            )
    except _ERRORS:
        return None


def with_commands(processes: Iterable[Process], within: float = 2.0) -> dict[int, Process]:
    """The same processes with cmdline, exe and cwd, where they may be read."""
    found: dict[int, Process] = {}
    for one in processes:
        cmdline: tuple[str, ...] | None = None
        exe: str | None = None
        cwd: str | None = None
        try:
            process = psutil.Process(one.pid)
            cmdline = tuple(process.cmdline())
            exe, cwd = process.exe() or None, process.cwd() or None
        except _ERRORS:
            pass
        found[one.pid] = replace(one, cmdline=cmdline, exe=exe, cwd=cwd)
    return found


def environment(pid: int, within: float = 1.0) -> dict[str, str] | None:
    """The variables it was started with; None where they cannot be read."""
    try:
        return dict(psutil.Process(pid).environ())
    except _ERRORS:
        return None


def is_alive(identity: Identity) -> bool:
    """Whether this very process lives, by its start time."""
    found = read(identity.pid)
    return found is not None and found.identity == identity and not found.ended


def pid_max() -> int:
    """No pid is greater."""
    return 2**31 - 1


def thread_ids(pid: int) -> tuple[int, ...]:
    """The system's ids of its threads; empty if it is gone."""
    try:
        return tuple(thread.id for thread in psutil.Process(pid).threads())
    except _ERRORS:
        return ()


def listeners(port: int | None = None) -> tuple[Listener, ...]:
    """Listening TCP sockets with the one holder that the system names; accept queue and backlog are not told."""
    try:
        connections = psutil.net_connections("tcp")
    except _ERRORS:
        return ()
    return tuple(
        Listener(one.laddr.port, one.laddr.ip, 0, (one.pid,) if one.pid else (), 0, None)
        for one in connections
        if one.laddr and one.status == psutil.CONN_LISTEN and port in (None, one.laddr.port)
    )


def listeners_elsewhere(port: int, pids: Iterable[int]) -> tuple[tuple[Listener, int], ...]:
    """These systems have no network namespaces."""
    return ()


def accept_queue(port: int) -> tuple[int, int | None] | None:
    """Not told by these systems."""
    return None


def connected(port: int) -> dict[int, int]:
    """Processes with open connections whose own end has this port, with how many."""
    found: dict[int, int] = {}
    with contextlib.suppress(psutil.Error, OSError):
        for one in psutil.net_connections("tcp"):
            if one.laddr and one.laddr[1] == port and one.status in ("ESTABLISHED", "CLOSE_WAIT") and one.pid:
                found[one.pid] = found.get(one.pid, 0) + 1
    return found


def lingering(port: int) -> str:
    """Which connections the kernel alone keeps is not told."""
    return ""


def _user(process: psutil.Process) -> str:
    try:
        return process.username()
    except _ERRORS:
        return "?"


def _uid(process: psutil.Process) -> int:
    uids = getattr(process, "uids", None)  # Windows has none
    try:
        return int(uids().effective) if uids else -1
    except _ERRORS:
        return -1
