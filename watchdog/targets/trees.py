"""From some processes of a server to the whole of it, and to nothing else.

A tree is the holders of the listening socket, the root above them that belongs to this server (a master, a reloader, a
launcher that started them for it alone), all descendants of that root, and, only where the root itself leads its
session, what else lives in that session. A climb one step too far ends somebody else's work: in doubt the climb
stops.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from watchdog.model.process import LeftOut, Listener, Member, Process, Role, Tree
from watchdog.system.process import lineage
from watchdog.targets import programs
from watchdog.targets.frameworks import framework
from watchdog.targets.managers import manager
from watchdog.targets.scene import FIRST, Scene, own_processes

_TOGETHER = 10.0  # seconds after its own start in which a launcher starts what belongs together
_ROUNDS = 5  # a member may hold another socket that an orphan shares, which may hold another …


def grow(pids: Iterable[int], table: Mapping[int, Process], listeners: Sequence[Listener] | None = None) -> Tree:
    """The server that these processes are part of, in this table. Without members if none of them is there any more."""
    scene = Scene.look(table) if listeners is None else Scene(table, listeners, own_processes(table))
    return grow_in(scene, pids)


def grow_in(scene: Scene, pids: Iterable[int]) -> Tree:
    """The same within one look at the machine."""
    return _Growth(scene).tree(frozenset(pid for pid in pids if pid in scene.table))


class _Growth:
    """One tree in the making."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._left_out: dict[int, LeftOut] = {}
        self._alone = False  # a process that is never part of a server was named on purpose

    def tree(self, seeds: frozenset[int]) -> Tree:
        scene = self._scene
        scene.know(seeds)
        taken = frozenset(pid for pid in seeds if not scene.why_barred(pid))
        if not taken:
            # A manager, a shell or ourselves, named on purpose: itself, and nothing of what it started.
            for pid in seeds:
                self._leave_out(pid, f"is {scene.why_barred(pid)}: what it started is not ended with it")
            self._alone = True
            return self._tree((), tuple(sorted(seeds)), seeds)
        for _ in range(_ROUNDS):
            roots = self._roots(taken)
            members = self._members(roots)
            more = self._sharing(members | taken) - members
            if not more:
                break
            taken = members | more
        return self._tree(roots, self._in_order(roots, members), members)

    def _sharing(self, pids: frozenset[int]) -> frozenset[int]:
        """With everybody who holds a listening socket that one of these holds, children as well as orphans."""
        scene = self._scene
        found = set(pids)
        while True:
            holders = scene.holders(scene.sockets(found)) - found
            scene.know(holders)
            fresh = set()
            for pid in holders:
                reason = scene.why_barred(pid)
                if reason:
                    self._leave_out(pid, f"holds the same socket and is {reason}")
                elif scene.alive(pid):
                    fresh.add(pid)
            if not fresh:
                return frozenset(found)
            found |= fresh

    def _roots(self, taken: frozenset[int]) -> tuple[int, ...]:
        """The topmost processes of the server, the oldest first."""
        scene = self._scene
        seeds = self._sharing(taken)
        kin = seeds | scene.holders(scene.same_ports(scene.sockets(seeds)))
        tops = {self._climb(pid, seeds, kin) for pid in seeds}
        for top in tuple(tops):
            parent = scene.table[top].parent
            if parent in scene.table and programs.is_shim(scene.process(parent)):
                # wd's shim looks after one service only: whatever it adopted belongs to that.
                tops.update(scene.children(parent))
        nested = {pid for pid in tops if tops & set(scene.above(pid))}
        return tuple(sorted(tops - nested, key=lambda pid: (scene.table[pid].identity.ticks, pid)))

    def _climb(self, pid: int, seeds: frozenset[int], kin: frozenset[int]) -> int:
        scene = self._scene
        while True:
            parent = scene.table[pid].parent
            if parent not in scene.table:
                return pid
            reason = self._why_not(parent, pid, seeds, kin)
            if reason:
                if scene.table[parent].pid > 1:
                    self._leave_out(parent, f"is its parent and {reason}")
                return pid
            pid = parent

    def _why_not(self, parent: int, child: int, seeds: frozenset[int], kin: frozenset[int]) -> str:
        """Why the parent of a member is not a member; empty if it is one."""
        scene = self._scene
        barred = scene.why_barred(parent)
        if barred:
            return f"is {barred}"
        above, below = scene.process(parent), scene.process(child)
        if parent in seeds:
            return ""
        if parent == 1:
            return f"is {FIRST}"
        if not scene.alive(parent):
            return "has ended"
        if above.session != below.session:
            return "has its own session"
        if above.uid != below.uid:
            return f"belongs to another user ({above.user})"
        if above.cgroup is not None and below.cgroup is not None and above.cgroup != below.cgroup:
            return "belongs to another control group"
        return self._why_no_launcher(above, below, kin)

    def _why_no_launcher(self, above: Process, below: Process, kin: frozenset[int]) -> str:
        """Why that parent did not start this for one server alone."""
        scene = self._scene
        if reason := scene.why_not_a_launcher(above.pid):
            return f"is {reason}"
        if scene.sockets((above.pid,)) and above.pid not in kin:
            return "is a separate server"
        if programs.is_forked(below, above):
            return ""
        leads = above.pid == above.session and above.terminal == 0
        python = programs.is_python(above)
        if not python and not leads and not programs.same_program(above, below):
            return "is another program"
        scene.know(scene.children(above.pid))
        strangers = [pid for pid in scene.children(above.pid) if pid != below.pid and not self._related(pid, kin)]
        # A launcher that leads its session may have started side programs together with the server; a program that
        # starts things now and then has children of different ages.
        if strangers and not (leads and python and all(self._began_with(pid, above) for pid in strangers)):
            return f"has other children (pid {', '.join(map(str, strangers[:5]))})"
        return ""

    def _related(self, pid: int, kin: frozenset[int]) -> bool:
        scene = self._scene
        return pid in kin or bool(kin & set(scene.below(pid))) or programs.is_tracker(scene.process(pid))

    def _began_with(self, pid: int, launcher: Process) -> bool:
        scene = self._scene
        one = scene.table[pid]
        return (
            one.session == launcher.session
            and one.uid == launcher.uid
            and one.started - launcher.started <= _TOGETHER
            and not scene.sockets((pid, *scene.below(pid)))
        )

    def _members(self, roots: tuple[int, ...]) -> frozenset[int]:
        scene = self._scene
        found: set[int] = set()
        for root in roots:
            found.add(root)
            found.update(scene.below(root))
            found.update(pid for pid in lineage.born_together(root) if scene.alive(pid))
            if scene.table[root].session == root:
                for pid in scene.session(root):
                    found.add(pid)
                    found.update(scene.below(pid))
        scene.know(found)
        for pid in tuple(found):
            reason = "wd itself or what started it" if pid in scene.own else ""
            if pid in roots:
                continue
            if programs.is_shim(scene.process(pid)):
                reason = "wd's own process above a service"
            if reason:
                found.discard(pid)
                self._leave_out(pid, f"lives among the server's processes and is {reason}")
        return frozenset(found)

    def _in_order(self, roots: tuple[int, ...], members: frozenset[int]) -> tuple[int, ...]:
        """Roots, then the others by age: a parent before its children."""
        others = sorted(members - set(roots), key=lambda pid: (self._scene.table[pid].identity.ticks, pid))
        return (*roots, *others)

    def _tree(self, roots: tuple[int, ...], order: tuple[int, ...], members: frozenset[int]) -> Tree:
        scene = self._scene
        inodes = scene.sockets(members)
        scene.know(order)
        made = tuple(
            Member(
                process=scene.process(pid),
                role=role(scene, pid, roots, members),
                ports=tuple(sorted({one.port for one in scene.listening(scene.sockets((pid,)))})),
            )
            for pid in order
        )
        managed = manager(scene, made[0].process.pid) if made else None
        return Tree(
            members=made,
            listeners=scene.listening(inodes),
            service=managed.name if managed and managed.kind == "wd" and managed.name else None,
            manager=managed,
            framework=framework(one.process for one in made),
            left_out=tuple(one for pid, one in sorted(self._left_out.items()) if self._alone or pid not in members),
        )

    def _leave_out(self, pid: int, text: str) -> None:
        self._left_out[pid] = LeftOut(pid, self._scene.process(pid).shown(120), text)


def role(scene: Scene, pid: int, roots: tuple[int, ...], members: frozenset[int]) -> Role:
    """The part of a process in its tree.

    A root with other holders of a listening socket below it is the master, they are its workers; below a root that
    holds none, a single holder is the main process. A member that descends from no root, and one of several roots, is
    an orphan; so is a root that another process adopted after the leader of its session had died.
    """
    scene_holders = {one for one in members if scene.sockets((one,))}
    if pid in roots:
        below = scene_holders & set(scene.below(pid))
        if len(roots) > 1:
            return "orphan"
        # gunicorn's first process never serves, even when all its workers are dead.
        if below or programs.program(scene.process(pid)).name == "gunicorn":
            return "master"
        process = scene.table[pid]
        return (
            "orphan"
            if process.session != pid and process.session not in scene.table and process.parent == 1
            else "main"
        )
    root = next((one for one in roots if one in scene.above(pid)), None)
    if root is None:
        return "orphan"
    if pid not in scene_holders:
        return "child"
    alone = root not in scene_holders and len(scene_holders & set(scene.below(root))) == 1
    return "main" if alone else "worker"
