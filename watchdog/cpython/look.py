"""One look into an interpreter: pending tasks, locks of threads and tasks, queues, objects by type, requests in flight.

Runs in a separate child (`evidence/tasks.py` starts it), reads only, and never stops the target.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from watchdog.cpython.alike import rare_first, representatives
from watchdog.cpython.asyncio_table import find_asyncio_table, listed_tasks
from watchdog.cpython.awaited import awaited
from watchdog.cpython.call_states import MOST_THREADS, read_call_states
from watchdog.cpython.callstacks import LiveThread, active_threads, read_threads
from watchdog.cpython.coroutines import Chain, Coroutines
from watchdog.cpython.failed_tasks import failed_tasks
from watchdog.cpython.forks import birth, generations, own_calls, runs_a_loop, since
from watchdog.cpython.frames import Frames, LiveFrame
from watchdog.cpython.greenlets import GREENLET, Greenlets, Suspended, named_by, read_greenlets
from watchdog.cpython.heap import Heap, merged, walk
from watchdog.cpython.held_alone import is_held_alone, thread_holds_alone
from watchdog.cpython.holdings import Holdings, Module, believable, is_own_class, own_modules, read_holdings
from watchdog.cpython.in_flight import body_is_in, request_of
from watchdog.cpython.interpreter import Interpreter, attach
from watchdog.cpython.lock_objects import LockObjects
from watchdog.cpython.lock_places import LockPlaces
from watchdog.cpython.lock_points import LockPoints, TaskFrames
from watchdog.cpython.lost_threads import THREAD, is_thread, lost_threads
from watchdog.cpython.objects import Objects
from watchdog.cpython.streams import reads_pipe
from watchdog.cpython.task_registry import MOST, imported, registered_tasks
from watchdog.model.call_state import CallState
from watchdog.model.evidence import LockLook, LostThread, Task, TaskLook, ThreadStack
from watchdog.model.records import record
from watchdog.system.clock import Deadline, monotonic
from watchdog.system.process import processes
from watchdog.system.process.memory import Unmapped, Unreadable
from watchdog.system.process.namespaces import thread_numbers

_SHARED_LOCK = "SemLock"  # the class of multiprocessing from which its locks and semaphores derive
_TASK, _TRIO_TASK = "_asyncio.Task", "trio.lowlevel.Task"
_HUBS = ("gevent.hub", "eventlet.hubs")
_QUEUES = frozenset({"queue.Queue", "asyncio.queues.Queue", "_queue.SimpleQueue"})
_TOP = 30  # types, and queues, that are shown
_ALL = 1 << 62
_MOST_OF_OWN = 8  # objects of a class of the application: those of which there are many hold one request's data each
_MOST_SHARED = 1000  # locks of one kind
_MOST_REQUESTS = 500  # threads whose requests are looked for
_MANY_THREADS, _MOST_THREADS = 1000, 2000  # from so many threads on, their calls are read too; of at most so many
_MANY_TASKS = 2000  # from so many on, those at rare places are read first
_LEAST, _LEAST_TASKS = 0.3, 200  # seconds for reading threads, or tasks, and so many, however little time is left
_JOINING = 3  # innermost calls of a greenlet in which the greenlets that it waits for are looked for
_HOLDINGS_TIME = 0.4  # seconds for following the application's variables


@record(frozen=True)
class _Pending:
    """A task that is not done, as it was read."""

    address: int
    name: str
    coroutine: int
    chain: Chain
    waiter: int
    ready: bool  # it waits for its turn only


def look(pid: int, at: float, seconds: float, key: bytes = b"") -> TaskLook:
    """Everything of one process, within about so many seconds. With the key digests of values are made."""
    begun, deadline = monotonic(), Deadline(seconds)
    with attach(pid) as found:
        if isinstance(found, Unreadable):
            return TaskLook(pid, at, "", error=found.reason, remedy=found.remedy, seconds=monotonic() - begun)
        taken = _Look(pid, found, deadline).take(at, begun)
        return replace(taken, states=_Look(pid, found, deadline).states(key), seconds=monotonic() - begun)


class _Look:
    def __init__(self, pid: int, interpreter: Interpreter, deadline: Deadline) -> None:
        self.pid, self.interpreter, self.deadline = pid, interpreter, deadline
        self.objects = interpreter.objects
        self.frames = Frames(self.objects)
        self.coroutines = Coroutines(self.frames)
        self.offsets = self.objects.offsets
        self._queue_kinds: dict[int, bool] = {}
        self.unread = False  # there were more threads or tasks than the time allowed to read

    def take(self, at: float, begun: float) -> TaskLook:
        known = self.known_tasks()
        heap = self.walk(Deadline(self.deadline.left / 2) if len(known) >= MOST else self.deadline)
        walked = [one for type_, found in heap.found.items() if self.is_task(type_) for one in found]
        queues = self.queues(heap.found.items())
        # What the walks read is old by now: threads and tasks are looked at afresh, close together.
        self.objects.memory.forget()
        threads = self.threads()
        main = next((one.frames for one in threads if one.tid == self.pid), ())
        generation = generations(self.pid)
        born = birth(self.frames, main, generation)
        threads = own_calls(threads, born)
        inherited = born is not None and not runs_a_loop(threads)
        all_tasks = [] if inherited else list(dict.fromkeys([*known, *walked]))
        pending = self.all_pending(all_tasks)
        greenlets = Greenlets() if inherited else self.greenlets(heap, generation)
        locks = self.locks(threads, pending, greenlets)
        holdings = self.holdings(threads, pending, heap)
        holders = {point.task for point in locks.held if point.task is not None}
        return TaskLook(
            self.pid,
            at,
            self.interpreter.version,
            tasks=representatives(self.tasks(pending, threads) + self.waiting(greenlets), holders),
            counts=self.counts(heap),
            queues=queues,
            broken_lists=heap.broken,
            cut=heap.cut or self.unread,
            unread=self.unread,
            collecting=heap.collecting,
            locks=locks,
            lost=self.lost(heap) if generation else (),
            taken=self.taken(heap),
            requests=tuple(
                (thread.tid, text)
                for thread in threads[:_MOST_REQUESTS]
                if thread.tid is not None and (text := request_of(self.frames, thread.frames))
            ),
            containers=holdings.containers,
            lent=holdings.lent,
            alone=tuple(
                one.tid for one in threads[:_MOST_REQUESTS] if one.tid and thread_holds_alone(self.frames, one)
            ),
            failed=failed_tasks(self.frames, self.pid, all_tasks),
            strange=greenlets.strange,
            born=born.record if born else None,
            threads=self.stacks(threads, locks) if len(processes.thread_ids(self.pid)) >= _MANY_THREADS else (),
            seconds=monotonic() - begun,
        )

    def known_tasks(self) -> list[int]:
        """The tasks that asyncio itself keeps account of."""
        table = find_asyncio_table(self.objects)
        found = []
        for one in self.interpreter.interpreters:
            found += listed_tasks(self.objects, one, table) if table is not None else []
            found += registered_tasks(self.objects, one)
        return found

    def threads(self) -> list[LiveThread]:
        enough = Deadline(max(_LEAST, self.deadline.left / 2))
        found = [one for address in self.interpreter.interpreters for one in read_threads(self.frames, address, enough)]
        self.unread |= enough.over
        ours = thread_numbers(self.pid)
        if ours:  # it lives in a container and knows its threads by other numbers
            found = [replace(one, tid=ours.get(one.tid or 0)) for one in found]
        # After a fork the one thread of a child may still carry the id that it had in its parent.
        known = set(processes.thread_ids(self.pid))
        strange = [place for place, one in enumerate(found) if one.tid not in known]
        if len(strange) == 1 and self.pid not in (one.tid for one in found):
            found[strange[0]] = replace(found[strange[0]], tid=self.pid)
        return found

    def stacks(self, threads: Sequence[LiveThread], locks: LockLook) -> tuple[ThreadStack, ...]:
        """Their calls, for a server whose threads are too many for other readers: the main thread and those that hold a
        lock are among them."""
        first = {self.pid, *(point.tid for point in locks.held)}
        chosen = sorted(threads, key=lambda one: one.tid not in first)[:_MOST_THREADS]
        return tuple(
            ThreadStack(
                self.pid, one.tid, one.ident, one.name, tuple(frame.record for frame in one.frames), active=None
            )
            for one in chosen
        )

    def states(self, key: bytes) -> tuple[CallState, ...]:
        """What the variables of running calls hold, as digests; of very many threads they are not read."""
        if len(processes.thread_ids(self.pid)) > MOST_THREADS:
            return ()
        return read_call_states(self.frames, self.interpreter.interpreters, self.threads(), self.pid, key)

    def walk(self, deadline: Deadline) -> Heap:
        parts = [walk(self.objects, one, self.kept, deadline) for one in self.interpreter.interpreters]
        return parts[0] if len(parts) == 1 else merged(parts)

    def counts(self, heap: Heap) -> tuple[tuple[str, int], ...]:
        """Objects by type, most first."""
        names: Counter[str] = Counter()
        for type_, count in heap.counts.items():
            names[self.objects.full_name(type_)] += count
        return tuple(names.most_common(_TOP))

    def kept(self, type_: int) -> int:
        """How many objects of that type are told by their addresses."""
        kinds = (GREENLET, THREAD, _SHARED_LOCK)
        if self.is_task(type_) or self.is_queue(type_) or any(self.objects.derives(type_, one) for one in kinds):
            return _ALL
        return _MOST_OF_OWN if is_own_class(self.objects, type_, self.own_modules) else 0

    @cached_property
    def own_modules(self) -> tuple[Module, ...]:
        return own_modules(self.objects, self.interpreter.interpreters)

    def lost(self, heap: Heap) -> tuple[LostThread, ...]:
        """The threads of its parent that a forked process does not have."""
        living = {
            thread for one in self.interpreter.interpreters for thread in active_threads(self.frames, one).values()
        }
        kinds = (found for type_, found in heap.found.items() if is_thread(self.frames, type_))
        return lost_threads(self.frames, (one for found in kinds for one in found), living) if living else ()

    def taken(self, heap: Heap) -> tuple[str, ...]:
        """Names of the locks shared between processes that this one took and has not given back."""
        locks = LockObjects(self.objects)
        kinds = (found for type_, found in heap.found.items() if self.objects.derives(type_, _SHARED_LOCK))
        states = (locks.look(address) for found in kinds for address in found[:_MOST_SHARED])
        return tuple(sorted({one.shared for one in states if one is not None and one.taken_here}))

    def is_task(self, type_: int) -> bool:
        return self.objects.derives(type_, _TASK) or self.is_task_of_trio(type_)

    def is_task_of_trio(self, type_: int) -> bool:
        return self.objects.type_name(type_) == "Task" and self.objects.full_name(type_) == _TRIO_TASK

    def greenlets(self, heap: Heap, generation: int) -> Greenlets:
        """Those of a server that lives by them; a library that switches them inside of a task is known by the task."""
        if not any(imported(self.objects, one, _HUBS) for one in self.interpreter.interpreters):
            return Greenlets()
        kinds = [found for type_, found in heap.found.items() if self.objects.derives(type_, GREENLET)]
        found = read_greenlets(self.frames, [one for found in kinds for one in found][:MOST])
        own = (
            replace(one, frames=since(one.frames, birth(self.frames, one.frames, generation)))
            for one in found.suspended
        )
        return replace(found, suspended=tuple(own))

    def waiting(self, greenlets: Greenlets) -> tuple[Task, ...]:
        """Suspended greenlets, told like tasks."""
        listed = frozenset(one.address for one in greenlets.suspended)
        return tuple(
            Task(
                self.pid,
                one.address,
                _greenlet_name(one.address),
                tuple(frame.record for frame in reversed(one.frames)),
                gathered=self.joined(one, listed),
                request=request_of(self.frames, one.frames),
                greenlet=True,
            )
            for one in greenlets.suspended
        )

    def joined(self, greenlet: Suspended, listed: frozenset[int]) -> tuple[int, ...]:
        try:
            found = named_by(self.frames, greenlet.frames[:_JOINING], listed)
        except Unmapped:
            return ()
        return tuple(one for one in found if one != greenlet.address)

    def is_queue(self, type_: int) -> bool:
        if type_ not in self._queue_kinds:
            names = {self.objects.full_name(one) for one in [type_, *self.objects.bases(type_)]}
            self._queue_kinds[type_] = bool(names & _QUEUES)
        return self._queue_kinds[type_]

    def queues(self, found: Iterable[tuple[int, list[int]]]) -> tuple[tuple[str, int], ...]:
        """The longest queues, by name of type and bound."""
        lengths = []
        for type_, objects in found:
            if self.is_queue(type_):
                lengths += [_queue_length(self.objects, one, self.objects.full_name(type_)) for one in objects]
        known = [(name, length) for name, length in lengths if length is not None]
        return tuple(sorted(known, key=lambda one: -one[1])[:_TOP])

    def all_pending(self, addresses: list[int]) -> list[_Pending]:
        """Those that are not done, within half of the time that is left: their locks and variables take the rest."""
        found, enough = [], Deadline(max(_LEAST, self.deadline.left / 2))
        if len(addresses) > _MANY_TASKS:
            addresses = rare_first(addresses, self.place, Deadline(max(_LEAST, enough.left / 2)))
        self.unread |= len(addresses) > MOST
        for number, address in enumerate(addresses[:MOST]):
            if enough.over and number >= _LEAST_TASKS:
                self.unread = True
                break
            if (task := self.pending(address)) is not None:
                found.append(task)
        return found

    def place(self, task: int) -> object:
        """Where its coroutine stands; None where that does not read."""
        try:
            return self.frames.place_of_generator(self.objects.word(task + self.offsets.task_coroutine))
        except Unmapped:
            return None

    def pending(self, address: int) -> _Pending | None:
        """The task at this address; None if it is done, or does not read as a task any more."""
        offsets, objects = self.offsets, self.objects
        try:
            if self.is_task_of_trio(objects.type_of(address)):
                return self.pending_of_trio(address)
            if not objects.derives(objects.type_of(address), _TASK):
                return None
            if struct.unpack("<i", objects.memory.read(address + offsets.task_state, 4))[0] != 0:
                return None
            coroutine = objects.word(address + offsets.task_coroutine)
            chain = self.coroutines.chain(coroutine)
            name = objects.word(address + offsets.task_name)
            number = objects.number(name)
            text = f"Task-{number}" if number is not None else objects.text(name)
            waiter = objects.word(address + offsets.task_waiter)
        except Unmapped:
            return None
        return _Pending(address, text or f"task at {address:#x}", coroutine, chain, waiter, not waiter)

    def pending_of_trio(self, address: int) -> _Pending | None:
        """The same of a task of trio, which keeps what it will be given next while it waits for its turn."""
        objects = self.objects
        coroutine, name, given = (objects.attribute(address, one) for one in ("coro", "name", "_next_send_fn"))
        if coroutine is None:
            return None
        chain, text = self.coroutines.chain(coroutine), objects.text(name) if name else None
        ready = given is not None and objects.kind(given) != "NoneType"
        return _Pending(address, text or f"task at {address:#x}", coroutine, chain, 0, ready) if chain.frames else None

    def tasks(self, pending: Sequence[_Pending], threads: Sequence[LiveThread]) -> tuple[Task, ...]:
        calls = {frame.generator: (thread, place) for thread in threads for place, frame in enumerate(thread.frames)}
        listed = {task.address for task in pending}
        found = []
        for task in pending:
            frames: tuple[LiveFrame, ...] = task.chain.frames
            if task.chain.running and frames[-1].generator in calls:
                thread, place = calls[frames[-1].generator]
                frames += tuple(reversed(thread.frames[:place]))
            end = task.waiter or task.chain.end
            found.append(
                Task(
                    self.pid,
                    task.address,
                    task.name,
                    tuple(frame.record for frame in frames),
                    waits_for=self.objects.full_kind(end) if end else "",
                    waits_for_task=end if end in listed else None,
                    running=task.chain.running,
                    ready=task.ready and not task.chain.running and bool(frames),
                    gathered=tuple(one for one in awaited(self.frames, task.chain.frames, end) if one in listed),
                    request=request_of(self.frames, frames),
                    body_is_in=body_is_in(self.frames, frames),
                    reads_pipe=reads_pipe(self.frames, task.chain.frames),
                    alone=is_held_alone(self.frames, task.chain, task.waiter),
                )
            )
        return tuple(found)

    def holdings(self, threads: Sequence[LiveThread], pending: Sequence[_Pending], heap: Heap) -> Holdings:
        calls = [frame for thread in threads for frame in thread.frames]
        calls += [frame for task in pending for frame in task.chain.frames]
        own = {type_: found for type_, found in heap.found.items() if heap.counts.get(type_, 0) <= _MOST_OF_OWN}
        found = read_holdings(self.frames, self.own_modules, calls, own, Deadline(_HOLDINGS_TIME))
        process = processes.read(self.pid)
        return replace(found, containers=believable(found.containers, process.rss if process is not None else 0))

    def locks(self, threads: Sequence[LiveThread], pending: Sequence[_Pending], greenlets: Greenlets) -> LockLook:
        process = processes.read(self.pid)
        if process is None:
            return LockLook()
        places = LockPlaces(self.pid, process.started, self.frames, LockObjects(self.objects))
        points = LockPoints(self.pid, places)
        points.read(
            threads,
            [TaskFrames(task.name, task.coroutine, _suspended(task.chain)) for task in pending],
            [TaskFrames(_greenlet_name(one.address), one.address, one.frames[::-1]) for one in greenlets.suspended],
        )
        return points.look


def _greenlet_name(address: int) -> str:
    return f"greenlet at {address:#x}"


def _suspended(chain: Chain) -> tuple[LiveFrame, ...]:
    """A running chain stands on its thread's stack as well and is read there."""
    return () if chain.running else chain.frames


def _queue_length(objects: Objects, queue: int, name: str) -> tuple[str, int | None]:
    try:
        if name == "_queue.SimpleQueue":
            if objects.offsets.simple_queue_count is not None:
                return name, objects.word(queue + objects.offsets.simple_queue_count)
            items = objects.word(queue + 32)
            return name, objects.word(items + 16) - objects.word(queue + 40)
        bound = objects.attribute(queue, "maxsize") or objects.attribute(queue, "_maxsize")
        most = objects.number(bound) if bound else None
        inner = objects.attribute(queue, "queue") or objects.attribute(queue, "_queue")
        # deque and list both keep their length where every variable-sized object does.
        known = inner and objects.kind(inner) in ("collections.deque", "list")
        return (f"{name} of {most}" if most else name), objects.word(inner + 16) if known and inner else None
    except Unmapped:
        return name, None
