"""The graph of locks: who waits for what that whom holds. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from watchdog.diagnosis.code import function, innermost_application, is_application
from watchdog.diagnosis.indexed import Indexed
from watchdog.diagnosis.threads import Threads, ThreadView
from watchdog.model.evidence import OWN_LOCK, Frame, LockLook, LockPoint

Waiter = tuple[int, int | str | None]  # a thread or task of a process
Name = tuple[int, str]

_LOCKS = ("Lock", "RLock", "module", "asyncio.Lock", "unknown")
_OWNED_AGAIN = ("RLock", "multiprocessing.RLock", "greenlet.RLock")  # its owner may take it again
_SLOTS = ("Semaphore", "CapacityLimiter")  # several may have it at once: each has one of its places


class Graph:
    """Locks by their identity; a thread or task waits for one at most."""

    def __init__(self, looks: tuple[LockLook, ...]) -> None:
        self.holders: defaultdict[Name, list[LockPoint]] = defaultdict(list)
        self.wanted: dict[Waiter, LockPoint] = {}
        self._for_a_place: dict[Waiter, LockPoint] = {}
        self.waiters: defaultdict[Name, list[LockPoint]] = defaultdict(list)
        for look in looks:
            for point in look.held:
                self.holders[_name(point)].append(point)
            for point in look.wanted:
                if is_lock(point):
                    self.wanted[who(point)] = point
                    self.waiters[_name(point)].append(point)
                elif point.kind.endswith(_SLOTS) or point.kind == OWN_LOCK:
                    self._for_a_place[who(point)] = point

    def holder(self, point: LockPoint) -> LockPoint | None:
        """Who holds the lock that is wanted; the waiter itself only where it cannot take it twice."""
        for held in self.holders.get(_name(point), ()):
            if who(held) != who(point) or point.kind not in _OWNED_AGAIN:
                return held
        return None

    def cycle(self) -> tuple[tuple[LockPoint, LockPoint], ...]:
        """(what is held, what is wanted) of each thread or task in a circle, or of one that waits for itself."""
        for start in (*self.wanted, *self._for_a_place):
            path: list[Waiter] = []
            here: Waiter | None = start
            while here is not None and here not in path:
                path.append(here)
                held = self._in_the_way(here)
                here = who(held) if held is not None else None
            if here is not None:
                ring = path[path.index(here) :]
                if self._is_pool(ring):
                    continue
                pairs = [(self._in_the_way(one), self._wish(one)) for one in ring]
                # Each one's held lock is what the one before it wants.
                return tuple((pairs[index - 1][0] or pairs[index][1], pairs[index][1]) for index in range(len(ring)))
        return ()

    def waiting(self) -> list[LockPoint]:
        """All who wait for a lock, those of the application's own making included."""
        return [*self.wanted.values(), *(one for one in self._for_a_place.values() if one.kind == OWN_LOCK)]

    def _wish(self, waiter: Waiter) -> LockPoint:
        return self.wanted.get(waiter) or self._for_a_place[waiter]

    def _in_the_way(self, waiter: Waiter) -> LockPoint | None:
        """Who has what this one waits for. A place comes free when any of those who have one goes on: all must wait."""
        if waiter in self.wanted:
            return self.holder(self.wanted[waiter])
        point = self._for_a_place.get(waiter)
        having = self.holders.get(_name(point), []) if point is not None else []
        stuck = all(who(one) in self.wanted or who(one) in self._for_a_place for one in having)
        again = point is not None and point.kind == OWN_LOCK  # who has it and takes it again waits for itself
        having = sorted(having, key=lambda one: who(one) != waiter) if again else having
        return next((one for one in having if again or who(one) != waiter), None) if stuck else None

    def _is_pool(self, ring: list[Waiter]) -> bool:
        """Whether they wait for places of one kind alone: a pool that is used up."""
        wishes = [self._wish(one) for one in ring]
        return len(set(map(_name, wishes))) == 1 and ring[0] not in self.wanted and wishes[0].kind != OWN_LOCK

    def contended(self) -> list[tuple[list[LockPoint], LockPoint | None]]:
        """Locks with their waiters and holder, the most wanted first."""
        found = [(points, self.holder(points[0])) for points in self.waiters.values()]
        return sorted(found, key=lambda one: -len(one[0]))

    def kept(self) -> Iterator[tuple[list[LockPoint], list[LockPoint]]]:
        """Of each lock or semaphore that is wanted: who waits, and all who have it or a place of it."""
        waiting: defaultdict[Name, list[LockPoint]] = defaultdict(list)
        for point in (*self.wanted.values(), *self._for_a_place.values()):
            waiting[_name(point)].append(point)
        yield from ((points, self.holders.get(name, [])) for name, points in waiting.items())


def _name(point: LockPoint) -> Name:
    """The same lock has the same name, in every process that shares it."""
    return (0 if point.shared else point.pid, point.lock)


def is_lock(point: LockPoint) -> bool:
    """Events, queues and futures are waited for as well; they have no holder."""
    return point.kind.startswith(_LOCKS) or point.kind.endswith(("Lock", "RLock"))


def who(point: LockPoint) -> Waiter:
    return (point.pid, point.task if point.task is not None else point.tid)


def thread_of(view: Threads, point: LockPoint) -> ThreadView | None:
    return view.thread(point.pid, point.tid)


def own_frame(view: Threads, point: LockPoint) -> Frame:
    """The application's line that led to a lock which a library takes or wants; the point's own where there is none."""
    if is_application(point.frame):
        return point.frame
    here = (point.frame.file, function(point.frame))
    thread = thread_of(view, point)
    frames = thread.frames if thread is not None and point.task is None else _of_task(view, point)
    names = [(one.file, function(one)) for one in frames]
    outer = frames[names.index(here) :] if here in names else frames
    return innermost_application(outer) or point.frame


def _of_task(view: Indexed, point: LockPoint) -> tuple[Frame, ...]:
    tasks = (task for look in view.tasks for task in look.tasks if (task.pid, task.name) == (point.pid, point.task))
    return next((task.frames[::-1] for task in tasks), ())


@lru_cache(maxsize=4)
def graph(looks: tuple[LockLook, ...]) -> Graph:
    return Graph(looks)
