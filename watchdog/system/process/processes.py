"""Which processes there are, and what they are: the one door, whatever the operating system behind it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping

from watchdog.model.process import Identity, Process
from watchdog.system.process.table import CommandLine, Row, Table

if sys.platform == "linux":
    from watchdog.system.linux import processes as system
    from watchdog.system.linux import recent
elif sys.platform == "win32":
    from watchdog.system.windows import processes as system
    from watchdog.system.windows import recent
else:
    from watchdog.system.macos import processes as system
    from watchdog.system.portable import recent


def boot_id() -> str:
    """Which boot of the machine this is. CannotTell where processes cannot be seen at all."""
    return system.boot_id()


def table() -> dict[int, Process]:
    """Every process by pid, without command lines: never blocks, never raises for one that vanishes."""
    return system.table()


def thin_table(only: Iterable[int] | None = None) -> Table:
    """The same with a few facts of everybody (or of these pids), and the rest only of those that are asked for."""
    return Table(recent.whole() if only is None else system.rows(only), system.read)


def recent_table() -> Table:
    """The same of everybody, a moment after another look: only those are read that may be new since.

    For who asks again and again whether a server has got new processes. The state of the others may be that of then.
    """
    return Table(recent.again(), system.read)


def one_by_one() -> Mapping[int, Process]:
    """Every process that somebody asks for by its pid, read then: for a few, and those above them."""
    return _OneByOne()


def read(pid: int) -> Process | None:
    """One process, without its command line; None if there is none."""
    return system.read(pid)


SHORTEST_CPU_USE = system.SHORTEST_CPU_USE  # seconds: over less than that, the clock of CPU time is too coarse


def cpu_seconds(pid: int) -> float | None:
    """CPU time of all its threads so far, as fine as the system tells it; None where it does not, or if it is gone."""
    return system.cpu_seconds(pid)


def transferred(pid: int) -> int | None:
    """Bytes that it has read and written so far, by system calls; None where the system does not tell us."""
    return system.transferred(pid)


def with_commands(processes: Iterable[Process], within: float = 2.0) -> dict[int, Process]:
    """The same processes by pid, with cmdline, exe and cwd. None where they cannot be read within so many seconds."""
    return system.with_commands(processes, within)


def command_lines(rows: Iterable[Row], within: float = 2.0) -> dict[int, CommandLine]:
    """Binary and words of many processes at once, and nothing else of them."""
    return system.command_lines(rows, within)


def expect_questions() -> None:
    """Command lines are asked for soon: what takes a moment to be ready begins now."""
    system.expect_questions()


def environment(pid: int, within: float = 1.0) -> dict[str, str] | None:
    """The variables it was started with; None where they cannot be read."""
    return system.environment(pid, within)


def is_alive(identity: Identity) -> bool:
    """Whether this very process lives. A zombie is gone, another process with the same pid is not it."""
    return system.is_alive(identity)


def pid_max() -> int:
    """No pid of this machine is greater."""
    return system.pid_max()


def thread_ids(pid: int) -> tuple[int, ...]:
    """The system's ids of its threads; empty if it is gone."""
    return system.thread_ids(pid)


def ancestors(table: Mapping[int, Process | Row], pid: int) -> tuple[int, ...]:
    """Parent, grandparent and so on, nearest first, without the process itself."""
    found: list[int] = []
    process = table.get(pid)
    while process is not None and process.parent > 0 and process.parent not in found:
        found.append(process.parent)
        process = table.get(process.parent)
    return tuple(found)


class _OneByOne(Mapping[int, Process]):
    """Its members are those that were asked for."""

    def __init__(self) -> None:
        self._asked: dict[int, Process] = {}

    def __getitem__(self, pid: int) -> Process:
        if pid not in self._asked and (found := read(pid)) is not None:
            self._asked[pid] = found
        return self._asked[pid]

    def __iter__(self) -> Iterator[int]:
        return iter(self._asked)

    def __len__(self) -> int:
        return len(self._asked)


def descendants(table: Mapping[int, Process], pid: int) -> tuple[int, ...]:
    """Children, grandchildren and so on, parents before children, without the process itself."""
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    found, seen = [pid], {pid}
    for parent in found:
        for child in sorted(children.get(parent, ())):
            if child not in seen:
                seen.add(child)
                found.append(child)
    return tuple(found[1:])
