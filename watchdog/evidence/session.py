"""What one looking has seen so far: the collectors write here, and `evidence()` is the record of it at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from watchdog.diagnosis.diagnose import diagnose, settled
from watchdog.evidence import sources, stacks, threads
from watchdog.evidence.questions import Questions, address
from watchdog.model.evidence import (
    Configured,
    Connection,
    Descriptor,
    Evidence,
    Exit,
    Gap,
    Listener,
    LockLook,
    LogTail,
    MemoryPoint,
    ProcessLook,
    SourceFile,
    StackLook,
    TaskLook,
)
from watchdog.model.process import Process, Tree
from watchdog.system import clock, descriptors, ports, processes, sockets

_AT_ONCE = 2  # stack dumps side by side: each takes a CPU for some milliseconds


class Session:
    """One looking at one server."""

    def __init__(
        self,
        tree: Tree | None,
        configured: Configured,
        deadline: clock.Deadline,
        *,
        keep_locals: bool = False,
        logs: Sequence[LogTail] = (),
        exits: Sequence[Exit] = (),
    ) -> None:
        self.tree, self.configured, self.deadline = tree, configured, deadline
        self._keep_locals = keep_locals
        self._begun, self._taken = clock.monotonic(), clock.now()
        self._known: dict[int, Process] = {m.process.pid: m.process for m in tree.members} if tree else {}
        self._python = {pid for pid, process in self._known.items() if stacks.looks_like_python(process)}
        self._tried: set[int] = set()
        self._looks: list[ProcessLook] = []
        self._stacks: list[StackLook] = []
        self._with_locals: dict[int, StackLook] = {}
        self._tasks: dict[int, TaskLook] = {}
        self._locks: list[LockLook] = []
        self._memory: list[MemoryPoint] = []
        self._listeners: list[tuple[float, Listener]] = []
        self._descriptors: tuple[Descriptor, ...] = ()
        self._connections: tuple[Connection, ...] = ()
        self._zombies: tuple[Process, ...] = ()
        self._sources: tuple[SourceFile, ...] = ()
        self._gaps: dict[str, Gap] = {}
        self._logs, self._exits = tuple(logs), tuple(exits)
        self._questions: Questions | None = None

    @property
    def at(self) -> float:
        """Seconds since the first look."""
        return clock.monotonic() - self._begun

    @property
    def port(self) -> int | None:
        if self.configured.port is not None:
            return self.configured.port
        return self.tree.ports[0] if self.tree and self.tree.ports else None

    # -- looking -------------------------------------------------------------

    def ask(self) -> None:
        """Begin to ask the server, in the background."""
        url = address(self.configured, self.tree)
        if url is not None:
            self._questions = Questions(url, self.configured.limit, strict=bool(self.configured.url), begun=self._begun)

    def look(self) -> None:
        """Processes, threads and stacks at this moment."""
        at = self.at
        self._meet_children()
        looks = threads.look(self._known.values(), at)
        self._looks.extend(looks)
        self._memory.append(
            MemoryPoint(
                at,
                rss=sum(one.process.rss for one in looks),
                threads=sum(one.process.threads for one in looks),
                descriptors=sum(one.descriptors or 0 for one in looks),
            )
        )
        self._listeners.extend((at, listener) for listener in ports.listeners(self.port) if self.port)
        self._dump(looks, with_locals=len(self._with_locals) < len(self._python) or self._keep_locals)

    def _meet_children(self) -> None:
        """Processes that the server has started since it was found belong to it; ended ones show as zombies."""
        table = processes.table()
        root = self.tree.root.pid if self.tree else None
        below = processes.descendants(table, root) if root in table else ()
        new = [table[pid] for pid in below if pid not in self._known and table[pid].state not in "ZX"]
        if new:
            self._known.update(processes.with_commands(new, within=0.2))
            self._python.update(one.pid for one in new if stacks.looks_like_python(self._known[one.pid]))
        self._zombies = tuple(table[pid] for pid in below if table[pid].state == "Z")

    def _dump(self, looks: Sequence[ProcessLook], *, with_locals: bool) -> None:
        """Embedded interpreters are found by trying each other process once."""
        pids = [one.process.pid for one in looks if one.process.state not in "ZX"]
        wanted = [pid for pid in pids if pid in self._python or pid not in self._tried]
        self._tried.update(wanted)
        if not wanted:
            return
        limit = max(0.3, min(3.0, self.deadline.left))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for look in pool.map(lambda pid: stacks.dump(pid, self.at, with_locals=with_locals, timeout=limit), wanted):
                self._keep(look, with_locals)

    def _keep(self, look: StackLook, with_locals: bool) -> None:
        if look.error is None:
            self._python.add(look.pid)
            if with_locals:
                self._with_locals[look.pid] = look
        elif look.pid in self._python:
            gap = stacks.gap(self._known[look.pid], look.error)
            self._gaps[gap.collector] = gap
        if look.error is None or look.pid in self._python:
            self._stacks.append(look if self._keep_locals else stacks.without_locals(look))

    def look_around(self) -> None:
        """What the threads wait for: descriptors, connections, sources, locks, tasks."""
        self._descriptors = tuple(one for pid in self._known for one in descriptors.of(pid))
        owners = {one.inode: one.pid for one in self._descriptors if one.kind == "socket" and one.inode is not None}
        self._connections = sockets.connections(self._known, [self.port] if self.port else (), owners)
        self.read_sources()

    def read_sources(self) -> None:
        frames = [frame for look in self._stacks for thread in look.threads for frame in thread.frames]
        frames += [frame for look in self._tasks.values() for task in look.tasks for frame in task.frames]
        self._sources = sources.read(frames, self._known.values())

    def wait(self, seconds: float) -> None:
        clock.wait_until(lambda: False, min(seconds, self.deadline.left))

    @property
    def settled(self) -> bool:
        """Whether more looking would not change the answer."""
        evidence = self.evidence()
        return settled(evidence, diagnose(evidence))

    def finish(self) -> None:
        """Last questions; nothing of the looking goes on behind."""
        if self._questions is not None:
            self._questions.stop()

    def evidence(self) -> Evidence:
        return Evidence(
            tree=self.tree,
            configured=self.configured,
            taken=self._taken,
            seconds=self.at,
            looks=tuple(self._looks),
            stacks=tuple(self._stacks),
            tasks=tuple(self._tasks.values()),
            locks=tuple(self._locks),
            descriptors=self._descriptors,
            connections=self._connections,
            listeners=tuple(self._listeners),
            zombies=self._zombies,
            memory=tuple(self._memory),
            answers=self._questions.answers() if self._questions else (),
            logs=self._logs,
            exits=self._exits,
            sources=self._sources,
            python=tuple(sorted(self._python & set(self._known))),
            gaps=tuple(self._gaps.values()),
        )
