"""Locks of the application's own making. Of each form a reader takes the lock again while a writer waits for it. Prints
a line when every thread stands where it will stand for good."""

import contextlib
import threading
import time


class Gate:
    """Many readers or one writer; a waiting writer goes first."""

    def __init__(self):
        self.changed = threading.Condition()
        self.readers, self.waiting, self.writing_now = 0, 0, False

    def acquire_read(self):
        with self.changed:
            while self.writing_now or self.waiting:
                self.changed.wait()
            self.readers += 1

    def release_read(self):
        with self.changed:
            self.readers -= 1
            self.changed.notify_all()

    def acquire_write(self):
        with self.changed:
            self.waiting += 1
            while self.writing_now or self.readers:
                self.changed.wait()
            self.waiting -= 1
            self.writing_now = True

    @contextlib.contextmanager
    def reading(self):
        self.acquire_read()
        try:
            yield
        finally:
            self.release_read()

    def __enter__(self):
        self.acquire_read()

    def __exit__(self, *_):
        self.release_read()

    @contextlib.contextmanager
    def open(self):
        yield self

    def take(self):
        with self.changed:
            self.changed.wait()


class Side:
    def __init__(self, gate):
        self.gate = gate

    def __enter__(self):
        self.gate.acquire_read()

    def __exit__(self, *_):
        self.gate.release_read()


def managed(gate, taken):
    with gate.reading():
        taken()
        read_managed(gate)


def read_managed(gate):
    with gate.reading():
        pass


def itself(gate, taken):
    with gate:
        taken()
        with gate:
            pass


def side(gate, taken):
    with Side(gate):
        taken()
        with Side(gate):
            pass


class Pair:
    """Both sides of one lock, as methods that take it and give it back."""

    def __init__(self, take, give):
        self.take, self.give = take, give

    def __enter__(self):
        self.take()

    def __exit__(self, *_):
        self.give()


def pair(gate, taken):
    read = Pair(gate.acquire_read, gate.release_read)
    with read:
        taken()
        with read:
            pass


def by_name(gate, taken):
    gate.acquire_read()
    try:
        taken()
        gate.acquire_read()
    finally:
        gate.release_read()


def consumer(gate, taken):
    """Waits in a method of what its `with` has opened, and takes nothing."""
    with gate.open():
        taken()
        gate.take()


def other(gate, taken):
    """Reads one lock and waits for another: nothing of its own stands in the way."""
    with Gate().reading():
        taken()
        with gate.reading():
            pass


def write(gate):
    gate.acquire_write()


def two(form):
    gate, has_it = Gate(), threading.Event()

    def writer_waits():
        has_it.set()
        while not gate.waiting:
            time.sleep(0.01)

    gate.writing_now = form in (consumer, other)
    threading.Thread(target=form, args=(gate, writer_waits), name=f"{form.__name__}-reader", daemon=True).start()
    has_it.wait()
    threading.Thread(target=write, args=(gate,), name=f"{form.__name__}-writer", daemon=True).start()
    return gate


gates = [two(form) for form in (managed, itself, side, pair, by_name, consumer, other)]
while not all(len(gate.changed._waiters) == 2 for gate in gates):
    time.sleep(0.02)
time.sleep(0.2)
print("ready", flush=True)
time.sleep(600)
