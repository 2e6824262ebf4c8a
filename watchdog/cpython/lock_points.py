"""Who holds and who waits for which lock: threads by their calls, suspended tasks by what their frames have entered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from watchdog.cpython.callstacks import LiveThread
from watchdog.cpython.frames import LiveFrame
from watchdog.cpython.lock_objects import ENTERED, GREENLET_LOCKS, OWNED, LockObject
from watchdog.cpython.lock_places import LockPlaces
from watchdog.cpython.own_locks import OwnLocks
from watchdog.model.evidence import OWN_LOCK, Frame, LockLook, LockPoint
from watchdog.model.records import record

# The methods in which a thread or task waits on behalf of its caller, by the kind of their `self`.
_WAITS = {
    "Condition": ("wait", "wait_for", "__enter__"),
    "Semaphore": ("acquire", "__enter__"),
    "Event": ("wait",),
    "Barrier": ("wait", "_wait"),
    "Thread": ("join", "_wait_for_tstate_lock"),
    "Queue": ("get", "put", "join"),
    "Future": ("result", "exception"),
    "module": ("acquire",),
    "multiprocessing.Lock": ("__enter__", "acquire"),
    "multiprocessing.RLock": ("__enter__", "acquire"),
    "multiprocessing.Semaphore": ("__enter__", "acquire"),
    "multiprocessing.Condition": ("wait", "wait_for", "__enter__"),
    "multiprocessing.Event": ("wait",),
    "asyncio.Lock": ("acquire", "__aenter__"),
    "asyncio.Semaphore": ("acquire", "__aenter__"),
    "asyncio.Condition": ("wait", "wait_for", "__aenter__"),
    "asyncio.Event": ("wait",),
    "asyncio.Queue": ("get", "put", "join"),
    "tornado.Lock": ("__aenter__",),
    "tornado.Semaphore": ("__aenter__",),
    "anyio.Lock": ("acquire", "__aenter__"),
    "anyio.Semaphore": ("acquire", "__aenter__"),
    "anyio.CapacityLimiter": ("acquire", "acquire_on_behalf_of", "__aenter__"),
}
_UNTIL_TOLD = ("wait", "join", "_wait_for_tstate_lock")  # waits for a sign, not for the lock that stands there
_WORK_ITEM = "/concurrent/futures/thread.py"
_SIGNS = ("Condition", "Event")  # by which a lock of the application's own making lets threads wait
_IMPORTS = "<frozen importlib"
_SWITCHES = "/threading.py"  # takes a lock between greenlets for its caller
_GREENLET_LIBRARIES = ("/gevent/", "/eventlet/", "/greenlet/")


@record(frozen=True)
class _Wait:
    lock: LockObject
    expression: str
    frame: Frame
    released: int = 0  # the lock that it let go of while it waits
    inside: int = 0  # how many of the innermost calls do the waiting for their caller
    section: bool = False  # a `with` block waits


@record(frozen=True)
class TaskFrames:
    """A pending task: its suspended frames, outermost first."""

    name: str
    coroutine: int
    frames: tuple[LiveFrame, ...]


class LockPoints:
    """Gathers the points of one process."""

    def __init__(self, pid: int, places: LockPlaces) -> None:
        self._pid, self._places = pid, places
        self._locks, self._objects = places.locks, places.objects
        self.held: list[LockPoint] = []
        self.wanted: list[LockPoint] = []

    @property
    def look(self) -> LockLook:
        return LockLook(tuple(self.held), tuple(self.wanted))

    def read(
        self, threads: Sequence[LiveThread], tasks: Sequence[TaskFrames], greenlets: Sequence[TaskFrames] = ()
    ) -> None:
        """All points of these threads, tasks and suspended greenlets."""
        names = {task.coroutine: task.name for task in tasks}
        waits = {thread.ident: self._thread_wait(thread) for thread in threads if thread.frames}
        for thread in threads:
            wait = waits.get(thread.ident)
            self._thread_held(thread, wait, names)
            if wait is not None:
                point = self._point(wait.lock, wait.expression, wait.frame, thread)
                self.wanted.append(replace(point, section=wait.section))
        for task in tasks:
            self._task(task)
        for greenlet in greenlets:
            self._greenlet(greenlet)
        self._own_locks(threads, waits)
        for thread in threads:
            self._future(thread)
        by_ident = {thread.ident: thread for thread in threads if thread.frames}
        for lock in {wait.lock.address: wait.lock for wait in waits.values() if wait is not None}.values():
            self._told_owner(lock, by_ident)

    # -- threads -----------------------------------------------------------------------------------------------------

    def _thread_wait(self, thread: LiveThread) -> _Wait | None:
        inside = self._implementation(thread.frames)
        outer = next((frame for frame in thread.frames[len(inside) :] if not _importing(frame)), thread.frames[0])
        first = thread.frames[0]
        if inside and (first.code.name in _UNTIL_TOLD or inside[0][0] == "module"):
            kind, address = inside[-1]
            lock = self._locks.look(address) if kind == "module" else LockObject(address, kind)
            condition = self._locks.look(inside[0][1]) if inside[0][0] == "Condition" else None
            released = condition.address if condition else 0
            use = self._places.uses(outer).wanted if kind == "Semaphore" else None
            expression = use.expression if use else self._name(lock) if lock else ""
            return _Wait(lock, expression, outer.record, released, len(inside)) if lock else None
        if _is_sign(first):
            return None
        wanted = self._places.wanted(first)
        if wanted is None or wanted[0].kind not in OWNED or wanted[0].locked is False:
            return None
        if wanted[0].owner == thread.ident:  # an RLock that it has already: no wait
            return None
        use = self._places.uses(outer).wanted if inside else wanted[1]
        use = use or wanted[1]
        return _Wait(wanted[0], use.expression, outer.record, section=use.how == "with")

    def _thread_held(self, thread: LiveThread, wait: _Wait | None, names: dict[int, str]) -> None:
        task = None
        seen = {wait.released} if wait is not None else set()
        # The calls that wait for their caller hold nothing.
        for frame in reversed(thread.frames[wait.inside if wait is not None else 0 :]):
            if _is_sign(frame):
                continue
            task = names.get(frame.generator, task)
            for lock, use in self._places.held(frame):
                foreign = lock.owner is not None and lock.owner != thread.ident
                if lock.kind not in ENTERED or lock.locked is False or foreign or lock.address in seen:
                    continue
                seen.add(lock.address)
                at = Frame(frame.code.qualified, frame.code.file, use.line)
                self.held.append(self._point(lock, use.expression, at, thread, task))

    def _own_locks(self, threads: Sequence[LiveThread], waits: Mapping[int, _Wait | None]) -> None:
        """Locks of the application's own making, where a thread waits for one: who takes it, and who has it."""
        own = OwnLocks(self._places)
        entering = {
            thread.ident: found
            for thread in threads
            if (wait := waits.get(thread.ident)) is not None and wait.lock.kind in _SIGNS
            if (found := own.entering(thread, wait.inside)) is not None
        }
        known = list(dict.fromkeys(replace(one, caller=None, place=0) for one in entering.values()))
        for thread in threads if known else ():
            mine, seen = entering.get(thread.ident), set[int]()
            for frame in reversed(thread.frames[mine.place if mine is not None else 0 :]):
                for address, use in own.held(frame, known):
                    if address not in seen:
                        seen.add(address)
                        at = Frame(frame.code.qualified, frame.code.file, use.line)
                        self.held.append(self._point(LockObject(address, OWN_LOCK), use.expression, at, thread))
            if mine is not None and mine.caller is not None:
                use_here = self._places.uses(mine.caller).wanted
                expression = use_here.expression if use_here else self._objects.kind(mine.address)
                lock = LockObject(mine.address, OWN_LOCK)
                self.wanted.append(self._point(lock, expression, mine.caller.record, thread))

    def _future(self, thread: LiveThread) -> None:
        """The future whose work the thread does: whoever waits for that waits for this thread."""
        for frame in thread.frames:
            if frame.code.name == "run" and frame.code.file.endswith(_WORK_ITEM):
                item = self._places.frames.variable(frame, "self")
                future = self._objects.attribute(item, "future") if item else None
                if future and self._locks.kind(future) == "Future":
                    self.held.append(self._point(LockObject(future, "Future"), "Future", frame.record, thread))
                return

    def _told_owner(self, lock: LockObject, threads: Mapping[int, LiveThread]) -> None:
        """Some locks name their owner: its point is there even where its source says nothing."""
        owner = self._owner(lock)
        thread = threads.get(owner) if owner is not None else None
        if thread is None:
            return
        if any(point.lock == lock.name and point.tid == thread.tid for point in self.held):
            return
        frame = self._importer(thread, self._name(lock)) if lock.kind == "module" else thread.frames[0]
        self.held.append(self._point(lock, self._name(lock), frame.record, thread))

    def _owner(self, lock: LockObject) -> int | None:
        """A thread that is joined holds itself, so to say: until it ends, nobody gets past it."""
        if lock.kind != "Thread":
            return lock.owner
        ident = self._objects.attribute(lock.address, "_ident")
        return self._objects.number(ident) if ident else None

    def _importer(self, thread: LiveThread, module: str) -> LiveFrame:
        """The line that imports the module."""
        for place, frame in enumerate(thread.frames):
            if not _importing(frame) or frame.code.name != "_find_and_load":
                continue
            name = self._places.frames.variable(frame, "name")
            if name and self._objects.text(name) == module:
                return next((one for one in thread.frames[place:] if not _importing(one)), frame)
        return thread.frames[0]

    # -- tasks -------------------------------------------------------------------------------------------------------

    def _task(self, task: TaskFrames) -> None:
        wait = self._task_wait(task)
        released = wait.released if wait is not None else 0
        waited = wait.lock.address if wait is not None else 0
        held = [point for frame in task.frames for point in self._suspended_held(frame)]
        # The block that is being entered has left its exit method on the stack already: the last one is not held yet.
        last = max((place for place, (lock, _, _) in enumerate(held) if lock.address == waited), default=-1)
        seen = {released}
        for place, (lock, expression, at) in enumerate(held):
            if place != last and lock.address not in seen and lock.locked is not False:
                seen.add(lock.address)
                self.held.append(self._point(lock, expression, at, task=task.name))
        if wait is not None:
            self.wanted.append(self._point(wait.lock, wait.expression, wait.frame, task=task.name))

    def _greenlet(self, greenlet: TaskFrames) -> None:
        """What it holds and wants while another greenlet runs: its calls are plain ones, in the middle of a call."""
        wait = self._greenlet_wait(greenlet)
        seen: set[int] = {wait.lock.address} if wait is not None else set()
        for frame in greenlet.frames:
            for lock, use in self._places.held(frame):
                taken = lock.locked or lock.kind in GREENLET_LOCKS
                if lock.kind in ENTERED and taken and lock.address not in seen:
                    seen.add(lock.address)
                    at = Frame(frame.code.qualified, frame.code.file, use.line)
                    self.held.append(self._point(lock, use.expression, at, task=greenlet.name))
        if wait is not None:
            self.wanted.append(self._point(wait.lock, wait.expression, wait.frame, task=greenlet.name))

    def _greenlet_wait(self, greenlet: TaskFrames) -> _Wait | None:
        """Its library's own calls, where they are not compiled, stand inside the call that takes the lock."""
        calls = (frame for frame in reversed(greenlet.frames) if not frame.code.file.endswith(_SWITCHES))
        frame = next((one for one in calls if not any(part in one.code.file for part in _GREENLET_LIBRARIES)), None)
        wanted = self._places.wanted(frame) if frame is not None else None
        if frame is None or wanted is None or wanted[0].kind not in GREENLET_LOCKS:
            return None
        return _Wait(wanted[0], wanted[1].expression, frame.record)

    def _suspended_held(self, frame: LiveFrame) -> list[tuple[LockObject, str, Frame]]:
        found: list[tuple[LockObject, str, Frame]] = []
        uses = self._places.uses(frame)
        for place, lock in enumerate(self._locks.entered(self._places.frames.stack(frame))):
            if lock is not None and lock.kind in ENTERED:
                use = uses.blocks[place] if place < len(uses.blocks) else uses.wanted
                at = Frame(frame.code.qualified, frame.code.file, use.line if use else frame.position.line)
                found.append((lock, use.expression if use else lock.kind, at))
        for use in uses.acquired:
            address = self._places.resolve(frame, use)
            lock = self._locks.look(address) if address else None
            if lock is not None and lock.kind in ENTERED:
                found.append((lock, use.expression, Frame(frame.code.qualified, frame.code.file, use.line)))
        return found

    def _task_wait(self, task: TaskFrames) -> _Wait | None:
        calls = tuple(reversed(task.frames))
        inside = self._implementation(calls)
        if not inside:
            return None
        outer = calls[len(inside)] if len(inside) < len(calls) else calls[-1]
        # In `Lock.acquire` it is that lock, even where a condition takes it back after its wait.
        kind, address = inside[0] if inside[0][0] in OWNED else inside[-1]
        lock = self._locks.look(address) if kind in OWNED else LockObject(address, kind)
        condition = self._locks.look(inside[0][1]) if inside[0][0] == "asyncio.Condition" else None
        use = self._places.uses(outer).wanted
        expression = use.expression if use else kind
        return _Wait(lock, expression, outer.record, condition.address if condition else 0) if lock else None

    # -- both --------------------------------------------------------------------------------------------------------

    def _implementation(self, frames: Sequence[LiveFrame]) -> list[tuple[str, int]]:
        """(kind, self) of the innermost calls that belong to locks and queues themselves, innermost first."""
        found: list[tuple[str, int]] = []
        for frame in frames:
            itself = self._places.frames.variable(frame, "self") if "self" in frame.code.names[:1] else None
            kind = self._locks.kind(itself) if itself else ""
            if not itself or frame.code.name not in _WAITS.get(kind, ()):
                break
            found.append((kind, itself))
        return found

    def _name(self, lock: LockObject) -> str:
        attribute = {"module": "name", "Thread": "_name"}.get(lock.kind)
        address = self._objects.attribute(lock.address, attribute) if attribute else None
        return (self._objects.text(address) if address else None) or lock.kind

    def _point(
        self, lock: LockObject, expression: str, frame: Frame, thread: LiveThread | None = None, task: str | None = None
    ) -> LockPoint:
        return LockPoint(
            pid=self._pid,
            tid=thread.tid if thread else None,
            thread=thread.name if thread else "",
            lock=lock.name,
            expression=expression,
            kind=lock.kind,
            frame=frame,
            task=task,
            locked=lock.locked,
            owner=lock.owner,
            shared=bool(lock.shared),
        )


def _is_sign(frame: LiveFrame) -> bool:
    """Whether this is the standard library's own wait, of whatever object. It takes its waiter lock twice, and that is
    how it waits: the lock is nobody's. Where the thread woke while it was read, `self` does not tell the kind."""
    return frame.code.name in _UNTIL_TOLD and frame.code.file.endswith(_SWITCHES)


def _importing(frame: LiveFrame) -> bool:
    return frame.code.file.startswith(_IMPORTS)
