"""What no call shows any more: a transaction left open, a pipe that nobody reads, a worker that has ended."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import APP, LIB, PID, REQUEST, Thread, evidence, process

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Container, Evidence, Exit, LogTail, TaskLook
from watchdog.model.open_files import FileLock

MAIN = Thread("MainThread", (f"serve_forever {LIB}/socketserver.py:232",), call="poll", moves=True)
STARTS = """
import sys, subprocess
def start():
    return subprocess.Popen(
        ["speller"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
def check(program):
    return program.stdout.readline()
"""


def said(seen: Evidence) -> tuple[str, int | None]:
    first = diagnose(seen).findings[0]
    return first.cause, first.culprit.line if first.culprit else None


@pytest.mark.parametrize(
    ("reads", "line"),
    [("print(1, file=sys.stderr)", 7), ("program.stderr.read()", 9), ("program.communicate()", 9)],
    ids=["nothing reads it", "something reads it", "everything is read"],
)
def test_the_line_that_makes_a_pipe_which_nothing_reads_is_the_guilty_one(reads: str, line: int) -> None:
    seen = evidence(
        MAIN,
        Thread("Thread-3", (f"check {APP}:9", *REQUEST), call="read", descriptor=5, tid=11),
        Thread("speller", ("log /srv/shop/speller.py:10",), call="write", descriptor=2, pid=200, tid=200),
        processes=[process(), process(200, PID, ("speller",))],
        descriptors=[canned.pipe(PID, 5, 901, 200), canned.pipe(200, 2, 902, PID, writable=True)],
        source=f"{STARTS}def report(program):\n    {reads}\n",
    )
    assert said(seen) == ("child-pipe-full", line)


WRITER = """
def health():
    db.execute("insert into seen values (1)")
    db.commit()
def take(db):
    while True:
        rows = yield
        db.executemany("insert into stock values (?, ?)", rows)
"""


READER = WRITER.replace("rows = yield", "rows = read()")
SAFE = READER.replace("rows = read()", "rows = read()\n        try:").replace("        db.e", "            db.e")
BLOCK = READER.replace("rows = read()", "rows = read()\n        with db:").replace("        db.e", "            db.e")


def waits_for_database(source: str) -> Evidence:
    seen = evidence(
        MAIN, Thread("Thread-3", (f"health {APP}:3", *REQUEST), call="clock_nanosleep", moves=True), source=source
    )
    lock = FileLock("/srv/shop/stock.db", PID, "python server.py", "POSIX", True, 0x40000001)
    return replace(seen, file_locks=(lock,))


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (WRITER, 8),
        (READER, 8),
        (f"{READER}        db.commit()\n", 8),
        (f"{SAFE}            db.commit()\n        except ValueError:\n            db.rollback()\n", 3),
        (f"{READER}        if not rows: return\n        db.commit()\n", 8),
        (BLOCK, 3),
        (WRITER + "db = connect(path, isolation_level=None)\n", 3),
    ],
    ids=[
        "rests in it",
        "never ends it",
        "may fail before its end",
        "ends it",
        "returns before its end",
        "a block ends it",
        "has none",
    ],
)
def test_where_no_call_is_in_the_transaction_the_write_that_may_have_left_it_open_is_named(
    source: str, line: int
) -> None:
    assert said(waits_for_database(source)) == ("db-locked", line)


WORKER = """
import multiprocessing
def start():
    worker = multiprocessing.Process(target=work)
    worker.start()
def run(job):
    return owed(job).result()
def collect():
    while True:
        give(results.get())
"""


def waits_for_worker(*zombies: int, others: tuple[int, ...] = ()) -> Evidence:
    result = (f"wait {LIB}/threading.py:327", f"result {LIB}/concurrent/futures/_base.py:451", f"run {APP}:7")
    reads = (f"_recv {LIB}/multiprocessing/connection.py:395", f"get {LIB}/multiprocessing/queues.py:103",
             f"collect {APP}:10", f"run {LIB}/threading.py:982")  # fmt: skip
    seen = evidence(
        MAIN,
        Thread("Thread-3", (*result, *REQUEST), call="futex", tid=11),
        Thread("collect", reads, call="read", descriptor=7, tid=12),
        processes=[process(), *(process(other, PID) for other in others)],
        descriptors=[canned.pipe(PID, 7, 905, *(others or (PID,)))],
        source=WORKER,
    )
    return replace(seen, zombies=tuple(process(pid, PID, state="Z") for pid in zombies))


def test_requests_that_wait_for_a_worker_which_has_ended_are_told_of_it_at_the_line_that_makes_it() -> None:
    assert said(waits_for_worker(200)) == ("await-never", 4)


def test_where_no_child_has_ended_or_another_writes_to_the_pipe_no_end_is_blamed() -> None:
    assert said(waits_for_worker())[1] != 4
    assert said(waits_for_worker(200, others=(300,)))[1] != 4


BEGINS = """
def health():
    Visit.create(page="health")
def run():
    db.connect()
    while True:
        orders = lists.get()
        book(orders)
def book(orders):
    db.begin()
    for order in orders:
        Order.create(order)
    db.commit()
"""


def test_a_worker_that_rests_at_its_queue_has_no_transaction_of_its_own_and_the_begin_that_fails_is_named() -> None:
    rests = (f"wait {LIB}/threading.py:327", f"get {LIB}/queue.py:171", f"run {APP}:7", f"run {LIB}/threading.py:982")
    seen = evidence(
        MAIN,
        Thread("Thread-3", (f"health {APP}:3", *REQUEST), call="clock_nanosleep", moves=True, tid=11),
        Thread("importer", rests, call="futex", tid=12),
        source=BEGINS,
    )
    lock = FileLock("/srv/shop/stock.db", PID, "python server.py", "POSIX", True, 0x40000001)
    seen = replace(seen, file_locks=(lock,), logs=(LogTail("/srv/shop/server.log", "database is locked", 18),))
    assert said(seen) == ("db-locked", 10)


REFUSES = """
import sys
def check(rows):
    if not rows:
        sys.exit(f"price list: no usable price for {rows}")
    if rows == 1:
        log.critical("the price list has %d rows", 1)
        sys.exit(3)
    sys.exit("the list is too long")
"""


@pytest.mark.parametrize(
    ("words", "line"),
    [("price list: no usable price for x", 5), ("CRITICAL the price list has 1 rows", 8), ("bye", None)],
)
def test_a_program_that_refuses_to_start_is_named_at_the_exit_whose_words_the_log_has(
    words: str, line: int | None
) -> None:
    ends = tuple(Exit(5000.0 + place, PID, code=1, lifetime=0.5, source="watched") for place in range(2))
    seen = evidence(MAIN, health="refused", source=REFUSES, log=f"starting\n{words}\n")
    assert said(replace(seen, exits=ends)) == ("crash-loop", line)


LISTENS = """
from events import changed
class View:
    def __init__(self):
        changed.connect(self.reload, weak=False)
def basket():
    return View()
def setup():
    changed.connect(print)
setup()
"""


def test_what_the_object_of_a_library_keeps_is_blamed_where_requests_hand_it_over() -> None:
    steps = [(40 << 20) + (2 << 20) * place for place in range(12)]
    seen = evidence(MAIN, health="well", source=LISTENS, memory=steps)
    path = "events.changed._by_sender[…]"
    looks = tuple(
        TaskLook(PID, at, "3.11", containers=(Container(path, "_by_sender", APP, "set", number, number),))
        for at, number in ((0.1, 1000), (7.0, 9 << 20))
    )
    assert said(replace(seen, tasks=looks)) == ("memory-leak", 5)
