"""Who belongs to the server that is being ended: what its processes start meanwhile, and what has left their tree.

Asked again and again while the ladder goes up, because a server may fork faster than it is killed. Each answer rests on
something that a stranger cannot have by chance: a parent that we hold, the session that the root leads, a control group
in which nobody else lives, the listening socket itself, or a memory layout that only forks hand on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from watchdog.model.process import Process, Tree
from watchdog.policy import guards
from watchdog.policy.guards import Ourselves
from watchdog.system import lineage, ports, processes
from watchdog.system.lineage import Layout
from watchdog.system.signals import Hold
from watchdog.targets import programs


class Kin:
    """The family, as far as it is known."""

    def __init__(self, tree: Tree, us: Ourselves, *, part: bool = False) -> None:
        """`part`: only one worker of the server is ended, so nothing but its own children belongs to it."""
        root = tree.root
        self._us, self._part = us, part
        self._root, self._session = root, 0 if part or root.session != root.pid else root.pid
        self._shim = 0 if part else _shim_above(root)
        self._inodes = frozenset(one.inode for one in tree.listeners if one.inode and not part)
        self._ports = () if part else tree.ports
        self._since = lineage.ticks_now()
        self._holds: dict[int, Hold] = {}
        self._layouts: dict[Layout, tuple[int, str | None]] = {}  # with user and control group of who has it
        self.group = None if part else _own_group(tree, us)

    def add(self, held: Hold) -> None:
        """One more that is known and held."""
        self._holds[held.pid] = held
        if not self._part and (found := lineage.layout(held.pid)):
            self._layouts[found] = (held.process.uid, held.process.cgroup)

    def newcomers(self, table: Mapping[int, Process]) -> list[Process]:
        """Members in this table that are not held yet."""
        grouped = lineage.group_members(self.group) if self.group else frozenset()
        return [
            one
            for one in table.values()
            if self._is_new(one) and (one.pid in grouped or self._by_birth(one, table) or self._by_layout(one, table))
        ]

    def port_holders(self, table: Mapping[int, Process]) -> list[Process]:
        """Members that are known only by the listening socket that they hold. Looks through all descriptors: dear."""
        held = {
            pid
            for port in self._ports
            for listener in ports.listeners(port)
            if listener.inode in self._inodes
            for pid in listener.holders
        }
        return [table[pid] for pid in sorted(held) if pid in table and self._is_new(table[pid])]

    def is_still_kin(self, held: Hold) -> bool:
        """Whether it was right to take hold of it for its parent's sake.

        Parent and child were read at different moments. If the parent's pid has another owner by now, the child may be
        that one's.
        """
        parent = self._holds.get(held.process.parent)
        if parent is None or not parent.gone:
            return True
        now = processes.read(parent.pid)
        return now is None or now.identity == parent.identity

    def _is_new(self, process: Process) -> bool:
        known = self._holds.get(process.pid)
        if known is not None and known.identity == process.identity:
            return False
        return process.state not in "ZX" and not guards.why_protected(process, self._us)

    def _by_birth(self, process: Process, table: Mapping[int, Process]) -> bool:
        parent, now = self._holds.get(process.parent), table.get(process.parent)
        if parent is not None and (now is None or now.identity == parent.identity):
            return True
        if self._shim and process.parent == self._shim:
            return True
        if not self._session or process.session != self._session:
            return False
        leader = table.get(self._session)  # the number passes on only when all of the session are gone
        return leader is None or leader.identity == self._root.identity

    def _by_layout(self, process: Process, table: Mapping[int, Process]) -> bool:
        """Forked by a member since we began, and orphaned at once."""
        if self._part or process.identity.ticks < self._since - 1:
            return False
        traits = self._layouts.get(lineage.layout(process.pid) or (0, 0, 0))
        if traits != (process.uid, process.cgroup):
            return False
        # Two servers that one launcher forked have one layout: a child whose parent lives with it is the other's.
        return process.parent == 1 or lineage.layout(process.parent) not in self._layouts


def _shim_above(root: Process) -> int:
    """The pid of our own shim where that is the root's parent: all its children belong to this service."""
    parent = processes.read(root.parent)
    if parent is None or parent.kernel or parent.pid <= 1:
        return 0
    found = processes.with_commands([parent], within=1.0).get(parent.pid)
    return parent.pid if found and programs.is_shim(found) else 0


def _own_group(tree: Tree, us: Ourselves) -> Path | None:
    """The control group in which only this server lives, if it has one."""
    folder = lineage.group_folder(tree.root.pid)
    if folder is None:
        return None
    inside = lineage.group_members(folder)
    return folder if inside and inside <= set(tree.pids) and us.pid not in inside else None
