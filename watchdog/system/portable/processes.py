"""Processes through psutil, for macOS and Windows: the same functions as `linux.py`.

Not proven: nobody has run this on those systems yet. A start time there is as fine as psutil makes it (a clock tick or
better), and command lines are read in this process.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import replace

import psutil

from watchdog.model.process import Identity, Process
from watchdog.system.process.table import CommandLine, Row, Table

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
SHORTEST_CPU_USE = 0.1  # seconds: the steps are of 10 to 16 ms
_ERRORS = (psutil.Error, OSError, ValueError)


@functools.cache
def boot_id() -> str:
    """The boot's moment stands for its id."""
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


def command_lines(rows: Iterable[Row], within: float) -> dict[int, CommandLine]:
    """What the system shows of these processes: of each its binary and its words, where they can be read."""
    found: dict[int, CommandLine] = {}
    for row in rows:
        exe: str | None = None
        words: tuple[str, ...] | None = None
        try:
            process = psutil.Process(row.pid)
            exe = process.exe() or None
            words = tuple(process.cmdline())
        except _ERRORS:
            pass
        found[row.pid] = CommandLine(exe, words)
    return found


def expect_questions() -> None:
    """Nothing is to be made ready here."""


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


def cpu_seconds(pid: int) -> float | None:
    """Of all its threads so far, in the system's own steps."""
    try:
        times = psutil.Process(pid).cpu_times()
    except _ERRORS:
        return None
    return float(times.user + times.system)


def transferred(pid: int) -> int | None:
    """Bytes that it has read and written so far; None where the system does not tell us (macOS)."""
    try:
        counters = getattr(psutil.Process(pid), "io_counters", None)
        counted = counters() if counters else None
    except _ERRORS:
        return None
    return None if counted is None else int(counted.read_bytes + counted.write_bytes)


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
