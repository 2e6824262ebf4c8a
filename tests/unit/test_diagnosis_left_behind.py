"""What no call shows any more: a transaction left open, a pipe that nobody reads, a worker that has ended."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import APP, LIB, PID, REQUEST, Thread, evidence, process

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Evidence
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
        (WRITER.replace("rows = yield", "rows = read()"), 8),
        (WRITER.replace("rows = yield", "rows = read()") + "        db.commit()\n", 3),
        (WRITER.replace("rows = yield", "rows = read()") + "        if not rows: return\n        db.commit()\n", 8),
        (
            WRITER.replace("rows = yield", "rows = read()\n        with db:").replace(
                "        db.e", "            db.e"
            ),
            3,
        ),
        (WRITER + "db = connect(path, isolation_level=None)\n", 3),
    ],
    ids=["rests in it", "never ends it", "ends it", "returns before its end", "a block ends it", "has none"],
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
