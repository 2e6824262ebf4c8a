"""Threads that were started before a fork: who waits for one of them in the child, and who does not."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import APP, LIB, PID, REQUEST, SITE, STARTED, Thread, evidence, process, source_file

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Evidence, LostThread, TaskLook

CHILD = 200
SOURCE = """
class Recorder:
    def __init__(self):
        self.room = queue.Queue(24)
        threading.Thread(target=self.write, name="writer").start()

    def note(self, text):
        self.room.put(text)

    def write(self):
        while True:
            log(self.room.get())

    def other(self):
        self.rest.get()

    def ask(self):
        done = threading.Event()
        self.room.put(done)
        done.wait()

    def total(self):
        return pool.submit(total).result()

    def start(self):
        scheduler.add_job(self.load, "interval", seconds=5)

    def load(self):
        self.loaded.set()

    def known(self):
        self.loaded.wait()
"""
PUTS = (f"wait {LIB}/threading.py:327", f"put {LIB}/queue.py:140", f"note {APP}:8", *REQUEST)
ASKS = (f"wait {LIB}/threading.py:327", f"wait {LIB}/threading.py:629", f"ask {APP}:20", *REQUEST)
RESULT = (f"wait {LIB}/threading.py:327", f"result {LIB}/concurrent/futures/_base.py:451", f"total {APP}:23", *REQUEST)
KNOWN = (f"wait {LIB}/threading.py:327", f"wait {LIB}/threading.py:629", f"known {APP}:32", *REQUEST)
TIMER = LostThread("APScheduler", 79, canned.frame(f"_main_loop {SITE}/apscheduler/schedulers/blocking.py:24"))
WRITER = LostThread("writer", 77, canned.frame(f"Recorder.write {APP}:10"))
POOL = LostThread("ThreadPoolExecutor-0_0", 78, canned.frame(f"_worker {LIB}/concurrent/futures/thread.py:69"))


def server(calls: tuple[str, ...], lost: LostThread, *more: Thread) -> Evidence:
    waits = Thread("Thread-3", calls, call="futex", pid=CHILD, tid=201)
    main = Thread("MainThread", canned.AT_REST, call="epoll_wait", pid=CHILD, tid=CHILD)
    seen = evidence(
        Thread("MainThread", canned.AT_REST, call="epoll_wait"),
        main,
        waits,
        *more,
        processes=[process(), process(CHILD, PID, forked=True)],
    )
    looks = (TaskLook(PID, 0.5, "3.11"), TaskLook(CHILD, 0.5, "3.11", lost=(lost,)))
    return replace(seen, tasks=looks, sources=(source_file(SOURCE),))


@pytest.mark.parametrize(
    ("calls", "lost", "line"),
    [(PUTS, WRITER, 8), (ASKS, WRITER, 20), (RESULT, POOL, 23), (KNOWN, TIMER, 32)],
    ids=["full", "ask", "pool", "scheduler"],
)
def test_who_waits_for_a_thread_that_a_fork_left_behind_names_it(
    calls: tuple[str, ...], lost: LostThread, line: int
) -> None:
    first = diagnose(server(calls, lost)).findings[0]
    assert (first.cause, first.advice) == ("fork-lock", "call-a-person")
    assert first.culprit is not None
    assert first.culprit.line == line
    assert f"the thread {lost.name!r}" in first.summary
    assert f"does not exist in process {CHILD}" in first.summary
    assert "post_fork" in first.prevent


def causes(seen: Evidence) -> set[str]:
    return {one.cause for one in diagnose(seen).findings}


def test_a_thread_that_the_child_has_started_again_is_not_lost() -> None:
    again = Thread(
        "Thread-1", (f"get {LIB}/queue.py:171", f"Recorder.write {APP}:12", *STARTED), pid=CHILD, tid=202, call="futex"
    )
    assert "fork-lock" not in causes(server(PUTS, WRITER, again))


def test_a_lost_thread_that_takes_from_another_queue_is_not_blamed() -> None:
    other = replace(WRITER, target=canned.frame(f"Recorder.other {APP}:14"))
    assert "fork-lock" not in causes(server(PUTS, other))


def test_a_pool_of_the_child_that_works_is_what_the_result_comes_from() -> None:
    working = Thread(
        "ThreadPoolExecutor-1_0",
        (f"total {APP}:22", f"run {LIB}/concurrent/futures/thread.py:58", *STARTED),
        call="recvfrom",
        pid=CHILD,
        tid=203,
    )
    assert "fork-lock" not in causes(server(RESULT, POOL, working))


@pytest.mark.parametrize("twin", [True, False])
def test_a_thread_whose_class_has_its_own_run_counts_only_while_its_twin_lives(twin: bool) -> None:
    lost = replace(WRITER, certain=False, ident=PID * 10 + 3)
    calls = (f"get {LIB}/queue.py:171", f"Recorder.write {APP}:12", *STARTED)
    seen = server(PUTS, lost, *([Thread("writer", calls, tid=lost.ident, call="futex")] if twin else []))
    assert ("fork-lock" in causes(seen)) == twin
