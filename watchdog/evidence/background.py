"""What may take a second is looked up in the background while the server is looked at: machine, kernel log, peers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from watchdog.evidence import exits, peers
from watchdog.evidence.bounded import Attempt
from watchdog.evidence.named_paths import named_paths
from watchdog.evidence.named_peers import named_peers
from watchdog.model.evidence import Exit, Gap, LogTail, MachineLook, PeerLook
from watchdog.model.open_files import Connection, Descriptor
from watchdog.system.host import machine

_FILES = 50  # open for writing, whose file systems are asked for their free space


class Background:
    """Each is begun once; what it has found by now is taken up between two looks."""

    def __init__(self) -> None:
        self.machine: MachineLook | None = None
        self.exits: tuple[Exit, ...] = ()
        self._machine: Attempt[MachineLook | None] | None = None
        self._remembered: tuple[Attempt[tuple[tuple[Exit, ...], Gap | None]], ...] = ()
        self._connected: tuple[PeerLook, ...] = ()
        self._named: tuple[PeerLook, ...] = ()
        self._peers: Attempt[tuple[PeerLook, ...]] | None = None
        self._brokers: Attempt[tuple[PeerLook, ...]] | None = None

    def begin(
        self,
        root: int | None,
        descriptors: Sequence[Descriptor],
        connections: Sequence[Connection],
        own_ports: Sequence[int],
        logs: Sequence[LogTail] = (),
    ) -> None:
        """Begin what there is reason for and what has not begun. `root` is the pid whose control group counts."""
        if self._machine is None:
            paths = sorted({one.target for one in descriptors if one.kind == "file" and one.writable})[:_FILES]
            self._machine = Attempt("machine", lambda: _machine(root, paths), None)
            self._remembered = (
                Attempt("kernel log", exits.oom_kills, ((), None)),
                Attempt("event log", exits.crashes, ((), None)),
            )
        if self._peers is None and any(not one.served and one.pid is not None for one in connections):
            self._peers = Attempt("peers", lambda: peers.look(connections, own_ports), ())

        if self._brokers is None and root is not None and not own_ports:
            self._brokers = Attempt("brokers", lambda: peers.look_at_named(dict(named_peers(root, logs))), ())

    @property
    def peers(self) -> tuple[PeerLook, ...]:
        return (*self._connected, *self._named)

    def take_up(self, patience: float) -> tuple[Gap, ...]:
        """Take what is there, waiting at most so many seconds for each; what is not there is a gap."""
        gaps: list[Gap | None] = []
        if self._machine is not None:
            self.machine, gap = self._machine.take(patience)
            gaps.append(gap)
        known: list[Exit] = []
        for attempt in self._remembered:
            (found, denied), gap = attempt.take(patience)
            known += found
            gaps += [gap, denied]
        self.exits = tuple(known)
        if self._peers is not None:
            self._connected, gap = self._peers.take(patience)
            gaps.append(gap)
        if self._brokers is not None:
            self._named, gap = self._brokers.take(patience)
            gaps.append(gap)
        return tuple(gap for gap in gaps if gap is not None)


def _machine(root: int | None, written: Sequence[str]) -> MachineLook:
    """Who opens a file for each write has none open in between: the paths that it was told count as well."""
    named = named_paths(root) if root is not None else ()
    found = machine.look(root, paths=(*written, *named))
    marked = (replace(disk, named=disk.path in named) for disk in found.disks)
    return replace(found, disks=tuple(marked))
