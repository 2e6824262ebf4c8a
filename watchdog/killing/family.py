"""Who belongs to the server that is being ended: what its processes start meanwhile, and what has left their tree.

Asked again and again while the ladder goes up, because a server may fork faster than it is killed. Each answer rests on
something that a stranger cannot have by chance: a parent that we hold, the session that the root leads, a control group
in which nobody else lives, the listening socket itself, or a memory layout that only forks hand on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from watchdog.model.process import Identity, Process, Tree
from watchdog.policy import guards
from watchdog.policy.guards import Ourselves
from watchdog.system.holds import Hold
from watchdog.system.net import ports
from watchdog.system.process import descriptors, lineage, processes
from watchdog.system.process.table import Layout, Row, Table
from watchdog.targets import borders, programs

# Take in orphans without having started them.
_ADOPTERS = frozenset({"systemd", "init", "tini", "docker-init", "dumb-init", "catatonit", "s6-svscan", "runsvdir"})


class ServerFamily:
    """The family, as far as it is known."""

    def __init__(self, tree: Tree, us: Ourselves, *, part: bool = False) -> None:
        """`part`: only one worker of the server is ended, so nothing but its own children belongs to it."""
        root = tree.root
        self._us, self._part = us, part
        self._session = 0 if part or root.session != root.pid else root.pid
        self._shim = None if part else _shim_above(root)
        self._inodes = frozenset(one.inode for one in tree.listeners if one.inode and not part)
        self._ports = () if part else tree.ports
        self._since = lineage.ticks_now()
        self._holds: dict[int, Hold] = {}
        self._layouts: dict[Layout, tuple[int, str | None]] = {}  # with user and control group of who has it
        self._origins = set() if part else _origins(tree)
        self.group = None if part else _own_group(tree, us)
        self._judged: Mapping[int, Row] = {}  # at the last look, by what is known of the family until now
        self.missed = False  # the last look saw a young process that had ended before it could be judged

    def add(self, held: Hold) -> None:
        """One more that is known and held."""
        self._holds[held.pid], self._judged = held, {}
        found = lineage.layout(held.pid)
        if self._part or found is None:
            return
        self._layouts[found] = (held.process.uid, held.process.cgroup)
        parent = self._holds.get(held.process.parent)
        if parent is not None and lineage.layout(parent.pid) not in (found, None):
            self._origins.add(found)  # a member started it as a separate program

    def newcomers(self, table: Table) -> list[Process]:
        """Members in this table that are not held yet."""
        self.missed = False
        grouped = lineage.group_members(self.group) if self.group else frozenset()
        judged, self._judged = self._judged, table.rows
        return [
            table[pid]
            for pid, row in table.rows.items()
            # One with a layout of ours becomes a member when its parent ends.
            if (judged.get(pid) is not row or pid in grouped or row.layout in self._layouts)
            and (pid in grouped or self._is_near(row))
            and self._is_new(row)
            and (pid in grouped or self._by_birth(row, table) or self._by_layout(row, table))
        ]

    def newcomer(self, row: Row, table: Table) -> bool:
        """The same for one that was born just now; the socket that it holds is looked for too."""
        return self._is_new(row) and (
            (descriptors.holds_socket(row.pid, self._inodes) and self._is_ours(table[row.pid]))
            or self._by_birth(row, table)
            or self._by_layout(row, table)
        )

    def is_served_by_nobody(self) -> bool:
        """Whether a socket of it is open and nobody holds it for longer than a moment."""
        still_open = [port for port in self._ports if ports.accept_queue(port) is not None]
        for listener in (one for port in still_open for one in ports.listeners(port) if one.inode in self._inodes):
            holders = [one for pid in listener.holders if (one := processes.read(pid)) is not None]
            if not any(lineage.is_settled(one.identity.ticks) for one in holders):
                return True
        return False

    def port_holders(self, table: Table) -> list[Process]:
        """Members that are known only by the listening socket that they hold. Looks through all descriptors: dear."""
        held = {
            pid
            for port in self._ports
            for listener in ports.listeners(port)
            if listener.inode in self._inodes
            for pid in listener.holders
        }
        found = [table[pid] for pid in sorted(held) if pid in table and self._is_new(table.rows[pid])]
        return [one for one in found if self._is_ours(one)]

    def _is_ours(self, process: Process) -> bool:
        """Whether the socket alone makes it a member: not of a shell or a manager, as when the tree was grown."""
        known = processes.with_commands([process], within=1.0).get(process.pid, process)
        return not borders.why_never_inside(known) and not guards.why_not_ours(process, self._us)

    def still_belongs(self, held: Hold) -> bool:
        """Whether it was right to take hold of it for its parent's sake.

        Parent and child were read at different moments. If the parent's pid has another owner by now, the child may be
        that one's.
        """
        parent = self._holds.get(held.process.parent)
        if parent is None or not parent.gone:
            return True
        now = processes.read(parent.pid)
        return now is None or now.identity == parent.identity

    def _is_near(self, row: Row) -> bool:
        """Whether anything ties it to a member. The one question that is asked of everybody, so it is a short one."""
        return (
            row.parent in self._holds
            or (row.session == self._session and row.session > 0)
            or (self._shim is not None and row.parent == self._shim.pid)
            or row.layout in self._layouts
            or row.identity.ticks >= self._since - 1
        )

    def _is_new(self, process: Row) -> bool:
        known = self._holds.get(process.pid)
        if known is not None and known.identity == process.identity:
            return False
        return not process.ended and not guards.why_protected(process, self._us)

    def _by_birth(self, process: Row, table: Table) -> bool:
        parent = self._holds.get(process.parent)
        held = parent is not None and _may_have_born(parent.identity, process)
        if held and self._still_has_its_pid(process.parent, table):
            return True
        if self._shim is not None and _may_have_born(self._shim, process):
            return True
        if not self._session or process.session != self._session:
            return False
        # The session's number passes on when all of it are gone: then its leader is another, or was never held.
        return self._still_has_its_pid(self._session, table)

    def _still_has_its_pid(self, pid: int, table: Table) -> bool:
        """Whether nobody else has the pid of a member by now. Start times alone do not tell within one tick."""
        now, held = table.rows.get(pid), self._holds.get(pid)
        if now is None or now.ended:
            return True
        return held is not None and not held.gone and held.identity == now.identity

    def _by_layout(self, process: Row, table: Table) -> bool:
        """Forked by a member, whatever has become of its parents since."""
        young = process.identity.ticks >= self._since - 1
        if self._part or process.kernel or not (young or self._origins):
            return False
        found = lineage.layout_of(process)
        self.missed = self.missed or (found is None and young)
        if found is None or found not in self._layouts:
            return False
        if found in self._origins:
            return True
        # One launcher may have forked this server and others that are none of ours. So only what was born since we
        # began and orphaned at once is taken: a child whose parent lives with the same layout is the other's.
        whole = table[process.pid]
        self.missed = self.missed or whole.ended
        if not young or self._layouts[found] != (whole.uid, whole.cgroup):
            return False
        return lineage.layout(process.parent) not in self._layouts


def _may_have_born(parent: Identity, child: Row) -> bool:
    """Whether it names this parent and is not older than it.

    Windows never changes the number of the parent: an older one means a process that had the pid before.
    """
    return child.parent == parent.pid and child.identity.ticks >= parent.ticks


def _shim_above(root: Process) -> Identity | None:
    """Our own shim where that is the root's parent: all its children belong to this service."""
    parent = processes.read(root.parent)
    if parent is None or parent.kernel or parent.pid <= 1:
        return None
    found = processes.with_commands([parent], within=1.0).get(parent.pid)
    return parent.identity if found and programs.is_shim(found) else None


def escaped(tree: Tree, us: Ourselves) -> tuple[Process, ...]:
    """Processes that the server forked and that have left its tree and session since: they are part of it."""
    origins = _origins(tree)
    if not origins:
        return ()
    table = processes.recent_table()
    found = [
        table[pid]
        for pid, row in table.rows.items()
        if lineage.layout_of(row) in origins
        and pid not in tree.pids
        and not row.ended
        and not guards.why_protected(row, us)
    ]
    return tuple(processes.with_commands(found, within=1.0).values())


def _origins(tree: Tree) -> set[Layout]:
    """Layouts that began inside this server: a process that has one of them was forked by it, however often removed."""
    found = {lineage.layout(tree.root.pid)} if _was_executed(tree.root) else set()
    for process in (one.process for one in tree.members[1:]):
        here = lineage.layout(process.pid)
        if process.parent in tree.pids and lineage.layout(process.parent) not in (here, None):
            found.add(here)
    return {one for one in found if one is not None}


def _was_executed(root: Process) -> bool:
    """Whether its parent started it as a separate program, so that its layout is nobody else's.

    Not known where the parent may only have adopted it: the one that forked it, with others beside it, may be dead.
    """
    here, above, parent = lineage.layout(root.pid), lineage.layout(root.parent), processes.read(root.parent)
    if here is None or above in (here, None) or parent is None or parent.pid <= 1:
        return False
    known = processes.with_commands([parent], within=1.0).get(parent.pid, parent)
    return borders.manager_kind(known) in (None, "wd") and known.name not in _ADOPTERS


def _own_group(tree: Tree, us: Ourselves) -> Path | None:
    """The control group in which only this server lives, if it has one."""
    folder = lineage.group_folder(tree.root.pid)
    if folder is None:
        return None
    inside = lineage.group_members(folder)
    return folder if inside and inside <= set(tree.pids) and us.pid not in inside else None
