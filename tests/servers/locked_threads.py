"""Threads that wait for each other's locks in every form that Python code has for it. Each pair is two threads named
PAIR-1 and PAIR-2. Prints a line when every thread stands where it will stand for good."""

import contextlib
import queue
import sys
import threading
import time

cash = threading.Lock()
bank = threading.RLock()
table = {"x": threading.Lock(), "y": threading.Lock()}
near, far = threading.Lock(), threading.Lock()
gate = threading.Barrier(2)


class Account:
    def __init__(self):
        self.lock, self.log = threading.RLock(), threading.Lock()
        self.changed = threading.Condition()


account, other = Account(), Account()


def both(rendezvous):
    rendezvous.wait()
    time.sleep(0.05)


def global_with(rendezvous):
    with cash:
        both(rendezvous)
        with bank:
            pass


def global_acquire(rendezvous):
    bank.acquire()
    try:
        both(rendezvous)
        cash.acquire()
    finally:
        bank.release()


def attribute_with(rendezvous, mine):
    with mine.lock:
        both(rendezvous)
        nested(mine)


def nested(mine):
    with mine.lock, mine.log:
        pass


def attribute_other_order(rendezvous, mine):
    with mine.log:
        both(rendezvous)
        with mine.lock:
            pass


def item(rendezvous, first, second):
    with table[first]:
        both(rendezvous)
        with table[second]:
            pass


def local(rendezvous, first, second):
    with first:
        both(rendezvous)
        second.acquire()


def closures():
    left, right = threading.Lock(), threading.Lock()

    def one(rendezvous):
        with left:
            both(rendezvous)
            with right:
                pass

    def two(rendezvous):
        with right:
            both(rendezvous)
            with left:
                pass

    return one, two


@contextlib.contextmanager
def guarded(lock):
    with lock:
        yield


def managed(rendezvous, first, second):
    with guarded(first):
        both(rendezvous)
        with guarded(second):
            pass


def condition_first(rendezvous):
    with account.changed:
        both(rendezvous)
        with other.log:
            pass


def condition_second(rendezvous):
    with other.log:
        both(rendezvous)
        with account.changed:
            pass


def waiter():
    with other.changed:
        other.changed.wait()


def taker():
    queue.Queue().get()


def sleeper():
    threading.Event().wait()


def joiner():
    held = threading.Lock()

    def joined():
        with held:
            pass

    with held:
        thread = threading.Thread(target=joined, name="joined", daemon=True)
        thread.start()
        thread.join()


def twice():
    once = threading.Lock()
    with once:
        again(once)


def again(lock):
    with lock:
        pass


def pair(name, first, second):
    rendezvous = threading.Barrier(2)
    for number, (target, *arguments) in enumerate((first, second), 1):
        threading.Thread(target=target, args=(rendezvous, *arguments), name=f"{name}-{number}", daemon=True).start()


left, right = closures()
a, b = threading.Lock(), threading.Lock()
pair("global", (global_with,), (global_acquire,))
pair("attribute", (attribute_with, account), (attribute_other_order, account))
pair("item", (item, "x", "y"), (item, "y", "x"))
pair("local", (local, a, b), (local, b, a))
pair("closure", (left,), (right,))
pair("managed", (managed, near, far), (managed, far, near))
pair("condition", (condition_first,), (condition_second,))
for alone in (waiter, taker, sleeper, joiner, twice):
    threading.Thread(target=alone, name=alone.__name__, daemon=True).start()


STUCK = {
    "global_with",
    "global_acquire",
    "nested",
    "attribute_other_order",
    "item",
    "local",
    "one",
    "two",
    "guarded",
    "__enter__",
    "condition_first",
    "condition_second",
    "again",
    "joined",
    "wait",
    "_wait_for_tstate_lock",
    "join",
}


def settled():
    """Whether every thread's innermost call is one in which it stays, and none is still on its way to its partner."""
    frames = [frame for ident, frame in sys._current_frames().items() if ident != threading.main_thread().ident]
    return len(frames) == 20 and all(frame.f_code.co_name in STUCK and "both" not in calls(frame) for frame in frames)


def calls(frame):
    found = set()
    while frame is not None:
        found.add(frame.f_code.co_name)
        frame = frame.f_back
    return found


while not settled():
    time.sleep(0.02)
time.sleep(0.2)
print("ready", flush=True)
time.sleep(3600)
