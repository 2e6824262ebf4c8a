"""What one looking has seen so far: the collectors write here, and `evidence()` is the record of it at any moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from watchdog.diagnosis import logbook
from watchdog.diagnosis.code import is_application, with_beside
from watchdog.diagnosis.diagnose import diagnose, settled
from watchdog.evidence import files_open, following, guard_notes, locks, stacks, tasks, threads
from watchdog.evidence.background import Background
from watchdog.evidence.bounded import Attempt
from watchdog.evidence.lives import Lives
from watchdog.evidence.named_programs import launchers, other_choice
from watchdog.evidence.questions import Asking, Questions, ask_grpc, places
from watchdog.evidence.sources import Sources
from watchdog.model.evidence import (
    Configured,
    Evidence,
    Exit,
    Frame,
    Gap,
    LockLook,
    LogTail,
    MemoryPoint,
    OtherChoice,
    ProcessLook,
    SourceFile,
    StackLook,
    TaskLook,
)
from watchdog.model.open_files import Connection, Descriptor, FileLock
from watchdog.model.process import Listener, Process, Tree
from watchdog.system import clock
from watchdog.system.disk import files
from watchdog.system.net import grpc_health, sockets
from watchdog.system.process import processes, rights
from watchdog.system.process import threads as kernel_threads
from watchdog.targets import programs, protocols

_AT_ONCE = 2  # stack dumps side by side: each takes a CPU for some milliseconds
_MORE, _APART = 2, 0.03  # further looks at who runs, and the seconds between them
_INSIDE = 8  # processes of one server whose memory is read
_AGAIN = 1.5  # seconds between two readings of the same memory
_INSIDE_TIME = 2.0  # seconds for one of them
_MORE_TIME = "a longer --within reads more"
_WEIGH = 0.3  # seconds between two looks at memory
_LOGS_AGAIN = 1.0  # seconds between two readings of the logs
_FILES, _SELDOM = 0.5, 3  # seconds to wait for the open files; times what they took, until they are asked for again
_LOG = 64_000  # bytes of a log that the server writes to and nobody named


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
        self._lives = Lives(tree, configured)
        self._all: dict[int, Process] = dict(self._lives.known)  # also those that are gone by now
        self._python: set[int] = set()
        self._tried: set[int] = set()
        self._looks: list[ProcessLook] = []
        self._stacks: list[StackLook] = []
        self._others: dict[int, StackLook] = {}
        self._latest: dict[int, StackLook] = {}
        self._first_tasks: dict[int, TaskLook] = {}
        self._tasks: dict[int, TaskLook] = {}  # the latest of each process
        self._between: list[TaskLook] = []  # readings between the first and the latest: only states of calls that run
        self._locks: list[LockLook] = []
        self._memory: list[MemoryPoint] = []
        self._listeners: list[tuple[float, Listener]] = []
        self._descriptors: tuple[Descriptor, ...] = ()
        self._files_asked: Attempt[tuple[Descriptor, ...]] | None = None
        self._files_begun = self._files_again = 0.0
        self._noted: tuple[str, ...] = ()
        self._connections: tuple[Connection, ...] = ()
        self._file_locks: tuple[FileLock, ...] = ()
        self._files = Sources(configured.user)
        self._sources: tuple[SourceFile, ...] = ()
        self._choices: dict[tuple[int, int], OtherChoice | None] = {}  # by launcher and child
        self._pending: set[tuple[int, int]] = set()
        self._gaps: dict[str, Gap] = {}
        self._logs, self._exits = tuple(logs), tuple(exits)
        self._own_logs, self._logs_at = set[str](), 0.0
        self._questions: Asking | None = None
        self._protocol = ""  # of its port, where that is not HTTP
        self._overdue = False
        self._inside: Attempt[tuple[TaskLook, ...]] | None = None
        self._inside_at = 0.0
        self._crowded: set[int] = set()  # with too many threads for py-spy: their calls come out of their memory
        self._behind = Background()

    @property
    def at(self) -> float:
        """Seconds since the first look."""
        return clock.monotonic() - self._begun

    # -- looking -------------------------------------------------------------

    def ask(self, asking: Asking | None = None) -> None:
        """Begin to ask the server, in the background, unless somebody does, or its port does not speak HTTP."""
        if asking is not None:
            self._questions = asking
            return
        spoken = self._spoken()
        if spoken == protocols.GRPC and grpc_health.available():
            self._protocol = spoken
            found = places(self.configured, self.tree, spoken)[:1]
            self._questions = Questions(
                found, self.configured.limit, strict=True, begun=self._begun, ask=ask_grpc, sparing=True
            )
        elif not protocols.is_web(spoken):
            self._protocol = spoken
            self._gaps["questions"] = Gap("questions", f"its port speaks {spoken}, not HTTP: it was not asked")
        elif found := places(self.configured, self.tree, spoken):
            strict = bool(self.configured.url)
            self._questions = Questions(found, self.configured.limit, strict=strict, begun=self._begun)

    def _spoken(self) -> str:
        """What its port speaks. An address of the playbook is asked as it stands there."""
        port = self._lives.port
        if self.configured.url or self.tree is None or port is None:
            return protocols.HTTP
        return protocols.of_tree(self.tree, port)

    def look(self) -> None:
        """Processes, threads and stacks at this moment."""
        self._attempt("processes and stacks", self._look)

    def _look(self) -> None:
        at = self.at
        self._lives.look()
        self._all.update(self._lives.known)
        if self._lives.hidden:
            why = f"port {self._lives.port} is held by a process of {self._lives.hidden}, which we may not look at"
            self._gaps["processes"] = Gap("processes", why, rights.remedy())
        self._listeners.extend((at, listener) for listener in self._lives.listeners)
        looks = threads.look(self._lives.known.values(), at)
        for one in looks:
            self._pending.update((one.process.pid, number) for number in kernel_threads.facts(one.process.pid).pending)
        self._weigh([one.process for one in looks], sum(one.descriptors or 0 for one in looks))
        self._dump(looks)
        readable = {pid for pid, look in self._latest.items() if look.at >= at}
        self._looks.extend(threads.with_memory(one) if one.process.pid in readable else one for one in looks)

    def _weigh(self, found: Sequence[Process], descriptors: int | None = None) -> None:
        """Memory and threads of the whole server at this moment."""
        rss, count = sum(one.rss for one in found), sum(one.threads for one in found)
        self._memory.append(MemoryPoint(self.at, rss, count, descriptors))

    def _dump(self, looks: Sequence[ProcessLook]) -> None:
        """Embedded interpreters are found by trying each other process once."""
        running = {one.process.pid: one.process for one in looks if not one.process.ended}
        self._python.update(pid for pid, process in running.items() if programs.is_python(process))
        wanted = [pid for pid in running if pid in self._python or pid not in self._tried]
        wanted = [pid for pid in wanted if pid not in self._crowded]
        self._tried.update(wanted)
        self._files.meet(wanted)
        limit = max(0.3, min(3.0, self.deadline.left))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for look in pool.map(lambda pid: self._stack(pid, limit), wanted):
                self._keep(look)
            self._follow(pool, limit)

    def _follow(self, pool: ThreadPoolExecutor, limit: float) -> None:
        """Where a thread runs, more looks close together tell the frame that stays from those that come and go."""
        busy = [pid for pid, look in self._latest.items() if any(thread.active for thread in look.threads)]
        for _ in range(_MORE if any(pid in self._lives.known for pid in busy) else 0):
            clock.sleep(_APART)
            for look in pool.map(
                lambda pid: self._stack(pid, limit), [pid for pid in busy if pid in self._lives.known]
            ):
                self._keep(look)

    def _stack(self, pid: int, limit: float) -> StackLook:
        """Locals tell one lock from another where the memory could not be read: nothing is known of its version."""
        look = self._tasks.get(pid)
        with_locals = self._keep_locals or (look is not None and look.error is not None)
        found = stacks.dump(pid, self.at, with_locals=with_locals, timeout=limit)
        if found.problem == "moved":
            found = stacks.dump(pid, self.at, with_locals=with_locals, timeout=limit)
        return found

    def _keep(self, look: StackLook) -> None:
        """Unless asked for, locals go no further than to the code that distinguishes locks by them."""
        if look.error is None:
            self._python.add(look.pid)
            self._latest[look.pid] = look
        elif look.pid in self._python and look.pid in self._lives.known:
            gap = stacks.gap(self._all[look.pid], look)
            self._gaps[gap.collector] = gap
        if look.error is None or look.pid in self._python:
            self._stacks.append(look if self._keep_locals else stacks.without_locals(look))

    def look_around(self) -> None:
        """What the threads wait for: descriptors, connections, locks, logs, sources."""
        self._attempt("descriptors", self._look_at_descriptors)
        self._attempt("file locks", self._look_at_file_locks)
        self._attempt("logs", self._read_logs)
        self._attempt("surroundings", self._ask_behind)
        self._attempt("tasks", self._look_inside)
        self._attempt("sources", self.read_sources)
        self._attempt("launchers", self._look_at_launchers)

    def _attempt(self, name: str, work: Callable[[], None]) -> None:
        """A collector that fails leaves a gap, and the others go on."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - a hung server's machine may be broken in any way
            self._gaps[name] = Gap(name, f"{type(error).__name__}: {error}"[:200])

    def _look_at_descriptors(self) -> None:
        pids = list(self._lives.known)
        found = self._open_files(pids)
        # A forked child inherits the sockets of its parent: the oldest holder is the owner.
        oldest_last = sorted(found, key=lambda one: -self._all[one.pid].started if one.pid in self._all else 0.0)
        owners = {one.inode: one.pid for one in oldest_last if one.kind in ("socket", "unix") and one.inode is not None}
        port = self._lives.port
        self._connections = sockets.connections(pids, [port] if port else (), owners)
        self._descriptors = files_open.with_peers(found, self._connections)
        self._noted = tuple(note.words(clock.now()) for note in guard_notes.read_notes(self._descriptors))

    def _open_files(self, pids: Sequence[int]) -> tuple[Descriptor, ...]:
        """What is open by now. Where it takes long to tell, the looks at the calls go on meanwhile, and it is asked for
        less often."""
        if self._files_asked is None and self.at >= self._files_again:
            before, self._files_begun = self._descriptors, self.at
            self._files_asked = Attempt("open files", lambda: files_open.look(pids, before), before)
        if self._files_asked is None or not self._files_asked.done(_FILES):
            return self._descriptors
        (found, gap), self._files_asked = self._files_asked.take(0.0), None
        self._files_again = self.at + _SELDOM * (self.at - self._files_begun)
        if gap is not None:
            self._gaps[gap.collector] = gap
        return found

    def _look_at_file_locks(self) -> None:
        self._file_locks = files_open.locks(self._descriptors, self._all)
        self._look_at_holders()

    def _look_at_holders(self) -> None:
        """Who keeps a file's lock from outside is not the server's, and yet may be its trouble."""
        pids = {one.pid for one in self._file_locks if one.exclusive and one.pid > 0} - self._all.keys()
        for pid in sorted(pids - self._others.keys())[:3]:
            self._files.meet([pid])
            look = stacks.dump(pid, self.at, timeout=1.0)
            self._others[pid] = look if look.error is None else StackLook(pid, self.at)

    def _ask_behind(self) -> None:
        """What may take a second goes on in the background and is taken up when it is there."""
        root = self.tree.root.pid if self.tree else None
        own = [listener.port for listener in self._lives.listeners]
        self._behind.begin(root, self._descriptors, self._connections, own, self._logs)
        self._behind.take_up(0.0)

    def _look_inside(self) -> None:
        """Suspended tasks and locks, out of the interpreters' memory: read in the background, again and again."""
        if self._inside is None and (not self._tasks or self.at - self._inside_at >= _AGAIN):
            pids = sorted(self._python & self._lives.known.keys())[:_INSIDE]
            at, limit = self.at, max(0.5, min(self._time_inside(), self.deadline.left))
            if pids:
                self._inside_at = at
                if not self._tasks:
                    self._gaps["tasks"] = Gap("tasks", "tasks and locks were not read in time", _MORE_TIME)
                self._inside = Attempt("tasks", lambda: _read_all(pids, at, limit), ())
        self._take_up_inside(0.3 if not self._tasks else 0.0)

    def _time_inside(self) -> float:
        """Seconds for one reading of memory: more where the time was too short for it before."""
        unread = any(look.unread for look in self._tasks.values())
        return max(_INSIDE_TIME, self.deadline.left / 2) if unread else _INSIDE_TIME

    def _take_up_inside(self, patience: float) -> None:
        if self._inside is None or not self._inside.done(patience):
            return
        looks, gap = self._inside.take(0.0)
        self._inside = None
        self._gaps.pop("tasks", None)
        for look in looks:
            before = self._tasks.get(look.pid)
            if before is not None and before.states and before is not self._first_tasks[look.pid]:
                self._between.append(TaskLook(look.pid, before.at, before.version, states=before.states))
            self._first_tasks.setdefault(look.pid, look)
            self._tasks[look.pid] = look
            if look.threads and (look.pid not in self._latest or look.pid in self._crowded):
                self._crowded.add(look.pid)
                self._gaps.pop(f"stacks of {look.pid}", None)
                self._keep(StackLook(look.pid, look.at, look.threads, seconds=look.seconds))
        self._locks = [locks.read_locks(list(self._latest.values()), list(self._tasks.values()))]
        for look in looks:
            self._note_unread(look)
        if gap is not None:
            self._gaps[gap.collector] = gap

    def _note_unread(self, look: TaskLook) -> None:
        name = f"tasks of {look.pid}"
        self._gaps.pop(name, None)
        if look.error:
            self._gaps[name] = Gap(name, look.error, look.remedy)
        elif look.unread:
            self._gaps[name] = Gap(name, "it has more threads or tasks than there was time to read", _MORE_TIME)

    def _read_logs(self) -> None:
        """Standard output and error of the root are its log, where they are a file that nobody named."""
        known = {log.path for log in self._logs}
        root = self.tree.root.pid if self.tree else None
        named = {
            one.target for one in self._descriptors if one.pid == root and one.number in (1, 2) and one.kind == "file"
        }
        if self.at - self._logs_at >= _LOGS_AGAIN:
            self._logs_at = self.at
            self._logs = following.read_again(self._logs, _LOG, self._own_logs, self._files.reading(root or 0))
        self._own_logs |= named - known
        for path in sorted(named - known):
            text, size, error = files.tail(path, _LOG, self._files.reading(root or 0))
            self._logs = (*self._logs, LogTail(path, text, size, error=error))
            if error is not None:
                self._gaps[f"log {path}"] = Gap("log", f"{path}: {error}")

    def read_sources(self) -> None:
        frames = [(one.pid, frame) for look in self._stacks for one in look.threads for frame in one.frames]
        frames += [(one.pid, frame) for look in self._tasks.values() for one in look.tasks for frame in one.frames]
        frames += [(one.pid, Frame("", kept.file, 0)) for one in self._tasks.values() for kept in one.containers]
        frames += [(one.pid, Frame("", lent.file, 0)) for one in self._tasks.values() for lent in one.lent]
        frames += [(one.pid, lost.target) for one in self._tasks.values() for lost in one.lost]
        frames += [(one.pid, frame) for one in self._tasks.values() for dead in one.failed for frame in dead.frames]
        in_logs = [frame for error in logbook.all_tracebacks(self._logs) for frame in error.frames]
        frames += [(one.pid, frame) for look in self._others.values() for one in look.threads for frame in one.frames]
        self._sources = self._files.read(frames, self._all.values(), in_logs)
        self._gaps.update({f"source {path}": Gap("source", reason) for path, reason in self._files.unread()})

    def _look_at_launchers(self) -> None:
        """What each was told to run, once its source is known. A playbook says by itself which program is right."""
        known = {} if self.configured.cmdline else self._lives.known
        for launcher, child in launchers(known):
            key, look = (launcher.pid, child.pid), self._latest.get(launcher.pid)
            if key not in self._choices and look is not None:
                files = {frame.file for thread in look.threads for frame in thread.frames if is_application(frame)}
                code = [source for source in self._sources if source.path in files]
                self._choices[key] = other_choice(launcher, child, known, code, self._files.rights(launcher.pid))

    def wait(self, seconds: float) -> None:
        """Until the next look, or until a question becomes overdue: then the answer is near. How memory moves is seen
        meanwhile, which costs nothing."""
        pause = clock.Deadline(min(seconds, self.deadline.left))
        while not pause.over and not self._just_overdue():
            clock.sleep(min(_WEIGH, pause.left))
            found = [process for pid in self._lives.known if (process := processes.read(pid)) is not None]
            self._weigh([one for one in found if one.identity == self._lives.known[one.pid].identity])

    def _just_overdue(self) -> bool:
        overdue = self._questions is not None and self._questions.overdue
        just, self._overdue = overdue and not self._overdue, overdue
        return just

    @property
    def settled(self) -> bool:
        """Whether more looking would not change the answer."""
        evidence = self.evidence()
        with with_beside(evidence.installed):
            return settled(evidence, diagnose(evidence))

    def finish(self) -> None:
        """Last questions; nothing of the looking goes on behind."""
        if self._questions is not None:
            self._questions.stop()
        self._take_up_inside(0.5)
        self._gaps.update({gap.collector: gap for gap in self._behind.take_up(0.5)})

    def evidence(self) -> Evidence:
        return Evidence(
            tree=self.tree,
            configured=self.configured,
            taken=self._taken,
            seconds=self.at,
            looks=tuple(self._looks),
            stacks=tuple(self._stacks),
            others=tuple(self._others.values()),
            tasks=tuple(dict.fromkeys((*self._first_tasks.values(), *self._between, *self._tasks.values()))),
            locks=tuple(self._locks),
            descriptors=self._descriptors,
            connections=self._connections,
            file_locks=self._file_locks,
            listeners=tuple(self._listeners),
            strangers=tuple(self._lives.strangers.values()),
            choices=tuple(one for one in self._choices.values() if one is not None),
            zombies=self._lives.zombies,
            memory=tuple(self._memory),
            answers=self._questions.answers() if self._questions else (),
            protocol=self._protocol,
            peers=self._behind.peers,
            machine=self._behind.machine,
            logs=self._logs,
            exits=(*self._exits, *self._behind.exits, *self._lives.exits),
            sources=self._sources,
            installed=self._files.installed,
            python=tuple(sorted(self._python & set(self._all))),
            pending=tuple(sorted(self._pending)),
            requests=logbook.requests(self._logs),
            noted=self._noted,
            gaps=tuple(self._gaps.values()),
        )


def _read_all(pids: Sequence[int], at: float, seconds: float) -> tuple[TaskLook, ...]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return tuple(pool.map(lambda pid: tasks.read_tasks(pid, at, seconds), pids))
