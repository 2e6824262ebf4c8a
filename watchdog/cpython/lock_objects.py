"""What a lock is, which one really stands behind it, and what its own memory says of its state."""

from __future__ import annotations

from itertools import pairwise

from watchdog.cpython.lock_syntax import Reference
from watchdog.cpython.objects import Objects, plausible
from watchdog.cpython.offsets import DESCRIPTOR_NAME, FUNCTION_NAME, METHOD_FUNCTION, METHOD_SELF, RLOCK_OWNER
from watchdog.cpython.shared_locks import SharedLocks
from watchdog.model.records import record
from watchdog.system.process.memory import Unmapped

_KINDS = {
    "_thread.lock": "Lock",
    "_thread.RLock": "RLock",
    "_multiprocessing.SemLock": "multiprocessing.Lock",
    "multiprocessing.synchronize.Lock": "multiprocessing.Lock",
    "multiprocessing.synchronize.RLock": "multiprocessing.RLock",
    "multiprocessing.synchronize.Semaphore": "multiprocessing.Semaphore",
    "multiprocessing.synchronize.Condition": "multiprocessing.Condition",
    "multiprocessing.synchronize.Event": "multiprocessing.Event",
    "_billiard.SemLock": "multiprocessing.Lock",
    "billiard.synchronize.Lock": "multiprocessing.Lock",
    "billiard.synchronize.RLock": "multiprocessing.RLock",
    "billiard.synchronize.Semaphore": "multiprocessing.Semaphore",
    "threading.Condition": "Condition",
    "threading.Semaphore": "Semaphore",
    "threading.BoundedSemaphore": "Semaphore",
    "threading.Event": "Event",
    "threading.Barrier": "Barrier",
    "threading.Thread": "Thread",
    "queue.Queue": "Queue",
    "concurrent.futures._base.Future": "Future",
    "_frozen_importlib._ModuleLock": "module",
    "importlib._bootstrap._ModuleLock": "module",
    "asyncio.locks.Lock": "asyncio.Lock",
    "asyncio.locks.Semaphore": "asyncio.Semaphore",
    "asyncio.locks.BoundedSemaphore": "asyncio.Semaphore",
    "asyncio.locks.Condition": "asyncio.Condition",
    "asyncio.locks.Event": "asyncio.Event",
    "asyncio.queues.Queue": "asyncio.Queue",
    "tornado.locks.Lock": "tornado.Lock",
    "tornado.locks.Semaphore": "tornado.Semaphore",
    "anyio._backends._asyncio.Lock": "anyio.Lock",
    "anyio._backends._asyncio.Semaphore": "anyio.Semaphore",
    "anyio._backends._asyncio.CapacityLimiter": "anyio.CapacityLimiter",
    # Between greenlets. A lock of gevent is a semaphore by birth: the class nearest to the object's own counts.
    "gevent.thread.LockType": "greenlet.Lock",
    "gevent.lock.RLock": "greenlet.RLock",
    "threading._RLock": "greenlet.RLock",
    "gevent._gevent_c_semaphore.Semaphore": "greenlet.Semaphore",
    "gevent._gevent_c_semaphore.BoundedSemaphore": "greenlet.Semaphore",
    "gevent._semaphore.Semaphore": "greenlet.Semaphore",
    "gevent._semaphore.BoundedSemaphore": "greenlet.Semaphore",
    "eventlet.semaphore.Semaphore": "greenlet.Semaphore",
    "eventlet.semaphore.BoundedSemaphore": "greenlet.Semaphore",
}
SHARED = frozenset({"multiprocessing.Lock", "multiprocessing.RLock", "multiprocessing.Semaphore"})
GREENLET_LOCKS = frozenset({"greenlet.Lock", "greenlet.RLock", "greenlet.Semaphore"})
OWNED = frozenset(
    {"Lock", "RLock", "multiprocessing.Lock", "multiprocessing.RLock", "asyncio.Lock", "anyio.Lock", "tornado.Lock"}
)  # at most one holder
ENTERED = OWNED | {
    "Semaphore",
    "multiprocessing.Semaphore",
    "asyncio.Semaphore",
    "anyio.Semaphore",
    "anyio.CapacityLimiter",
    "tornado.Semaphore",
    *GREENLET_LOCKS,
}  # by `with`
_BOUND = frozenset({"method", "builtin_function_or_method"})
_EXITS = ("__exit__", "__aexit__")


@record(frozen=True)
class LockObject:
    """A lock in memory. `address` is that of the lock that really blocks: a condition's own one, for example."""

    address: int
    kind: str
    locked: bool | None = None
    owner: int | None = None  # ident of a thread
    shared: str = ""  # its name, where it is shared between processes
    taken_here: bool = False  # its process took it and has not given it back

    @property
    def name(self) -> str:
        """The same text means the same lock."""
        return self.shared or f"{self.address:#x}"


class LockObjects:
    """Recognises locks of one process."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self._kinds: dict[int, str] = {}
        self._shared = SharedLocks(objects)

    def kind(self, address: int) -> str:
        """A word of `_KINDS`, also for a class derived from one; empty for anything else."""
        try:
            type_ = self.objects.type_of(address)
        except Unmapped:
            return ""
        if type_ not in self._kinds:
            self._kinds[type_] = self._kind(type_)
        return self._kinds[type_]

    def look(self, address: int) -> LockObject | None:
        """The lock at this address, or inside the object there; None if it is not a lock."""
        objects, kind = self.objects, self.kind(address)
        try:
            if kind in ("Condition", "asyncio.Condition", "multiprocessing.Condition"):
                inner = objects.attribute(address, "_lock")
                return self.look(inner) if inner and self.kind(inner) in OWNED else None
            if kind in SHARED:
                return self._look_at_shared(objects.attribute(address, "_semlock") or address, kind)
            if kind == "Lock":
                bits = objects.memory.read(address + objects.offsets.lock_locked, 1)[0]
                return LockObject(address, kind, bool(bits & 1))
            if kind == "RLock":
                owner = objects.word(address + RLOCK_OWNER)
                return LockObject(address, kind, owner != 0, owner or None)
            if kind in ("asyncio.Lock", "module"):
                return LockObject(address, kind, *self._told(address, kind))
        except Unmapped:
            return None
        return LockObject(address, kind) if kind else None

    def _look_at_shared(self, semlock: int, kind: str) -> LockObject:
        state = self._shared.read(semlock)
        if state is None:
            return LockObject(semlock, kind)
        locked = None if state.kind == "Semaphore" else state.locked  # others may have some of its places
        return LockObject(semlock, f"multiprocessing.{state.kind}", locked, None, state.name, state.taken_here > 0)

    def entered(self, slots: list[int]) -> list[LockObject | None]:
        """What the `with` blocks on a value stack have entered, outermost first: each left its `__exit__` there.

        None stands for a context manager that is not a lock.
        """
        return [self.look(manager) if self.kind(manager) else None for manager in self.managers(slots)]

    def managers(self, slots: list[int]) -> list[int]:
        """The objects whose bound methods stand on a value stack, bottom first; where no method is bound to be called,
        those that stand above their own `__exit__`."""
        if not self.objects.offsets.references:
            return [manager for slot in slots if (manager := self.bound_to(slot))]
        found = []
        for slot, above in pairwise([*slots, 0]):
            function, manager = (slot, above) if above else (self._word(slot + METHOD_FUNCTION), self.bound_to(slot))
            if manager and self._leaves(function, manager):
                found.append(manager)
        return found

    def _leaves(self, function: int, manager: int) -> bool:
        """Whether this is the function that is called when a `with` block of this manager ends."""
        objects = self.objects
        try:
            place = {"function": FUNCTION_NAME, "method_descriptor": DESCRIPTOR_NAME}.get(objects.kind(function))
            if place is not None and objects.text(objects.word(function + place)) in _EXITS:
                return True
            type_ = objects.type_of(manager)  # under another name, as a decorator leaves it
            return any(objects.inherited(type_, name) == function for name in _EXITS)
        except Unmapped:
            return False

    def bound_to(self, slot: int) -> int:
        """The object of a bound method on a value stack; 0 if it is not one."""
        owner = self._word(slot + METHOD_SELF) if self.objects.kind(slot) in _BOUND else 0
        return owner if plausible(owner) else 0

    def _word(self, address: int) -> int:
        try:
            return self.objects.word(address)
        except Unmapped:
            return 0

    def _told(self, address: int, kind: str) -> tuple[bool | None, int | None]:
        if kind == "module":
            owner = self.objects.attribute(address, "owner")
            ident = self.objects.number(owner) if owner else None
            return ident is not None, ident
        locked = self.objects.attribute(address, "_locked")
        return (bool(self.objects.number(locked)) if locked else None), None

    def _kind(self, type_: int) -> str:
        for base in [type_, *self.objects.bases(type_)]:
            if found := _KINDS.get(self.objects.full_name(base)):
                return found
        return ""


def follow(objects: Objects, start: int, reference: Reference, variables: dict[str, int | None]) -> int | None:
    """The object at the end of a reference; `variables` gives the names used as indexes."""
    here: int | None = start
    for kind, name in reference.steps:
        if not here:
            return None
        if kind == "attribute":
            here = objects.attribute(here, str(name))
        elif kind == "key":
            here = item(objects, here, name)
        else:
            index = variables.get(str(name))
            key = (objects.text(index), objects.number(index)) if index else (None, None)
            wanted = key[0] if key[0] is not None else key[1]
            here = item(objects, here, wanted) if wanted is not None else None
    return here


def item(objects: Objects, container: int, key: str | int) -> int | None:
    """An item of a dict, list or tuple."""
    if isinstance(key, str):
        return objects.lookup(container, key)
    entries = objects.items(container)
    if entries:
        return entries[key] if -len(entries) <= key < len(entries) else None
    return next((value for at, value in objects.entries(container) if objects.number(at) == key), None)
