"""The machine at one moment, as far as it matters for telling which processes are one server."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

from watchdog.model.process import Listener, Process
from watchdog.system.net import ports
from watchdog.system.process import processes
from watchdog.system.process.table import CommandLine, Table
from watchdog.targets import borders, likely, originals, programs

FIRST = "the first process of the machine"
WITHIN = 1.2  # seconds that command lines may take in one go


class Scene:
    """Processes, their children, and who holds which listening socket. Command lines are read when needed."""

    def __init__(
        self,
        table: Mapping[int, Process],
        listeners: Sequence[Listener] | None,
        own: Iterable[int] = (),
        *,
        within: float = WITHIN,
        of_port: int = 0,
    ) -> None:
        self.table = table if isinstance(table, Table) else Table.of(table)
        self._given, self.of_port = listeners, of_port  # a port: only who is likely to hold it is looked at
        self.own = frozenset(own)  # ourselves and all above us
        self._within = within
        self._known: set[int] = {pid for pid, one in self.table.rows.items() if one.kernel}
        if self.table is not table:  # a table of whole processes may have the command lines as well
            self._known |= {pid for pid, one in table.items() if one.cmdline is not None}
        self._children: dict[int, list[int]] = {}
        for pid, row in sorted(self.table.rows.items()):
            self._children.setdefault(row.parent, []).append(pid)

    @classmethod
    def look(cls, table: Mapping[int, Process] | None = None) -> Scene:
        """The machine now. With a table that was read just now, the sockets are looked for when somebody asks."""
        listeners = ports.listeners() if table is None else None
        table = processes.thin_table() if table is None else table
        return cls(table, listeners, own_processes(table))

    @classmethod
    def look_for(cls, port: int) -> Scene:
        """The machine now, for a kill at once: holders of that port are looked for near the first one alone."""
        table = processes.thin_table()
        return cls(table, None, own_processes(table), of_port=port)

    @cached_property
    def listeners(self) -> tuple[Listener, ...]:
        """Every listening socket with all processes that hold it: a look through everybody's descriptors."""
        if self.of_port:
            return likely.listeners(self.of_port, self.table.rows, self.children)
        return tuple(ports.listeners() if self._given is None else self._given)

    @cached_property
    def _held(self) -> dict[int, set[int]]:
        found: dict[int, set[int]] = {}
        for listener in self.listeners:
            for pid in listener.holders if listener.inode else ():  # without: the kernel is just closing it
                found.setdefault(pid, set()).add(listener.inode)
        return found

    @cached_property
    def _holders(self) -> dict[int, tuple[int, ...]]:
        return {one.inode: one.holders for one in self.listeners if one.inode}

    def process(self, pid: int) -> Process:
        """With its command line, if that can be read."""
        self.know((pid,))
        return self.table[pid]

    def know(self, pids: Iterable[int]) -> None:
        """Read the command lines of many at once, also the original ones behind a title."""
        unread = [self.table[pid] for pid in pids if pid in self.table and pid not in self._known]
        if unread:
            self.table.keep(originals.with_commands(unread, within=self._within).values())
            self._known.update(one.pid for one in unread)

    def lines(self, pids: Collection[int]) -> Mapping[int, CommandLine]:
        """Binary and words of many, as the system shows them, and nothing else of them."""
        known = {pid: self.table[pid] for pid in pids if pid in self._known}
        unread = [self.table.rows[pid] for pid in pids if pid not in known]
        found = {pid: CommandLine(one.exe, one.cmdline) for pid, one in known.items()}
        return found | (processes.command_lines(unread, self._within) if unread else {})

    def shown(self, pids: Iterable[int]) -> Mapping[int, Process]:
        """Command lines as the system shows them. Enough for a hint: no interpreter's memory is read."""
        wanted = [self.table[pid] for pid in pids]
        unread = [one for one in wanted if one.cmdline is None]
        return {one.pid: one for one in wanted} | processes.with_commands(unread, self._within)

    def alive(self, pid: int) -> bool:
        """Seen, and not only what is left of it; nor did it end under the look, between its row and its facts."""
        return pid in self.table and not (self.table[pid] if pid in self._known else self.table.rows[pid]).ended

    def children(self, pid: int) -> tuple[int, ...]:
        """The living ones."""
        return tuple(child for child in self._children.get(pid, ()) if self.alive(child))

    def below(self, pid: int) -> tuple[int, ...]:
        """All descendants, parents first; not what another wd looks after."""
        found, seen = [pid], {pid}
        for parent in found:
            self.know(self.children(parent))
            for child in self.children(parent):
                if child not in seen and not self._is_shim(child):
                    seen.add(child)
                    found.append(child)
        return tuple(found[1:])

    def above(self, pid: int) -> tuple[int, ...]:
        """All ancestors, nearest first."""
        return processes.ancestors(self.table.rows, pid)

    def sockets(self, pids: Iterable[int]) -> frozenset[int]:
        """Inodes of the listening sockets that these processes hold."""
        return frozenset(inode for pid in pids for inode in self._held.get(pid, ()))

    def holders(self, inodes: Iterable[int]) -> frozenset[int]:
        """Everybody who holds one of these sockets."""
        return frozenset(pid for inode in inodes for pid in self._holders.get(inode, ()) if pid in self.table)

    def listening(self, inodes: Iterable[int]) -> tuple[Listener, ...]:
        wanted = set(inodes)
        return tuple(one for one in self.listeners if one.inode in wanted)

    def same_ports(self, inodes: Iterable[int]) -> frozenset[int]:
        """These sockets and all others on the same ports (SO_REUSEPORT, the other address family)."""
        ports_of = {one.port for one in self.listening(inodes)}
        return frozenset(one.inode for one in self.listeners if one.port in ports_of)

    def session(self, leader: int) -> tuple[int, ...]:
        return tuple(pid for pid, one in self.table.rows.items() if one.session == leader and self.alive(pid))

    def why_barred(self, pid: int) -> str:
        """Why this process is never part of a server, in a few words; empty for all others."""
        if pid in self.own:
            return "wd itself or what started it"
        if pid == 1 and not (self.sockets((1,)) and programs.is_python(self.process(1))):
            return FIRST  # in a container the server itself may be the first process
        return borders.why_never_inside(self.process(pid))

    def why_not_a_launcher(self, pid: int) -> str:
        """Why this process starts things for others than one server; empty if nothing says so."""
        return borders.why_not_entered(self.process(pid))

    def _is_shim(self, pid: int) -> bool:
        return programs.is_shim(self.process(pid))


def own_processes(table: Mapping[int, Process]) -> frozenset[int]:
    """Ourselves, all ancestors of ours, and the leader of our session."""
    own = os.getpid()
    rows = table.rows if isinstance(table, Table) else table
    leader = {rows[own].session} if own in rows else set()
    return frozenset({own, *processes.ancestors(rows, own), *(leader & rows.keys())})
