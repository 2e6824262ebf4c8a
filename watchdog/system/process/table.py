"""All processes at one moment: little is read of everybody, and the rest of those that somebody asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from watchdog.model.process import Identity, Process

Layout = tuple[int, int, int]


class Row(NamedTuple):
    """What one line of the kernel says of a process."""

    identity: Identity
    parent: int
    name: str
    state: str
    session: int
    group: int
    kernel: bool
    cpu_seconds: float = 0.0  # user and system time used so far
    layout: Layout | None = None  # where its program, stack and heap begin, see `lineage.layout`

    @property
    def pid(self) -> int:
        return self.identity.pid

    @property
    def ended(self) -> bool:
        """Only its entry in the process table is left (a zombie)."""
        return self.state in "ZX"


class CommandLine(NamedTuple):
    """What the system shows of a process in place of a whole one. None: it could not be read."""

    exe: str | None
    words: tuple[str, ...] | None


class Table(Mapping[int, Process]):
    """By pid. `rows` is there at once; a whole process is read when it is asked for, and kept.

    A process that ends between the two, or whose pid has passed to another one, is given as ended (state X).
    """

    def __init__(self, rows: Mapping[int, Row], read: Callable[[int], Process | None]) -> None:
        self.rows = rows
        self._read = read
        self._whole: dict[int, Process] = {}

    @classmethod
    def of(cls, found: Mapping[int, Process]) -> Table:
        """A table of processes that were read already."""
        rows = {
            pid: Row(one.identity, one.parent, one.name, one.state, one.session, one.group, one.kernel, one.cpu_seconds)
            for pid, one in found.items()
        }
        made = cls(rows, found.get)
        made.keep(found.values())
        return made

    def keep(self, processes: Iterable[Process]) -> None:
        """Take over what more is known of these, such as their command lines."""
        self._whole.update((one.pid, one) for one in processes)

    def __getitem__(self, pid: int) -> Process:
        found = self._whole.get(pid)
        if found is None:
            row, now = self.rows[pid], self._read(pid)
            found = now if now is not None and now.identity == row.identity else _ended(row)
            self._whole[pid] = found
        return found

    def __contains__(self, pid: object) -> bool:
        return pid in self.rows

    def __iter__(self) -> Iterator[int]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def _ended(row: Row) -> Process:
    return Process(
        identity=row.identity,
        parent=row.parent,
        name=row.name,
        state="X",
        session=row.session,
        group=row.group,
        terminal=0,
        uid=-1,
        user="?",
        started=0.0,
        threads=0,
        rss=0,
        cpu_seconds=0.0,
        kernel=row.kernel,
    )
