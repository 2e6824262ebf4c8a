"""Work that hangs delays nothing, and whatever a job raises is an event and no more."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, EVENT_JOB_MAX_INSTANCES
from apscheduler.schedulers.background import BackgroundScheduler
from support import wait_for

from watchdog.watch.executor import DaemonThreads
from watchdog.watch.thread_pool import UnboundedThreadPool
from watchdog.watch.times import STEADY, Every


def scheduler() -> BackgroundScheduler:
    return BackgroundScheduler(
        executors={"default": DaemonThreads()},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone=STEADY,
    )


def test_twenty_hung_jobs_delay_no_other_and_no_end() -> None:
    made, never, ran = scheduler(), threading.Event(), threading.Event()
    for number in range(20):
        made.add_job(never.wait, Every(60.0), id=f"hung {number}")
    made.add_job(ran.set, Every(60.0, 0.2), id="other")
    made.start()
    assert ran.wait(30)
    made.shutdown(wait=False)
    never.set()


def test_a_job_that_hangs_is_told_when_it_comes_due_again() -> None:
    made, never, told = scheduler(), threading.Event(), threading.Event()
    made.add_listener(lambda event: told.set(), EVENT_JOB_MAX_INSTANCES)
    made.add_job(never.wait, Every(0.1), id="hung")
    made.start()
    assert told.wait(30)
    made.shutdown(wait=False)
    never.set()


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, MemoryError, RecursionError, ValueError])
def test_whatever_a_job_raises_its_next_run_comes(kind: type[BaseException]) -> None:
    made, runs, errors = scheduler(), [], []

    def job() -> None:
        runs.append(datetime.now(UTC))
        raise kind("on purpose")

    made.add_listener(errors.append, EVENT_JOB_ERROR)
    made.add_job(job, Every(0.05), id="raises")
    made.start()
    wait_for(lambda: len(runs) > 5 and len(errors) > 4, "it runs again and again")
    made.shutdown(wait=False)


def test_a_late_run_is_run_and_several_late_ones_are_one() -> None:
    made, runs = scheduler(), []
    made.add_listener(runs.append, EVENT_JOB_EXECUTED)
    made.add_job(lambda: None, Every(0.1), id="often")
    made.start(paused=True)
    threading.Event().wait(0.6)  # six of them come due meanwhile
    made.resume()
    wait_for(lambda: bool(runs), "the late one is run")
    assert len(runs) <= 2
    made.shutdown(wait=False)


def test_hands_do_all_work_and_keep_their_threads() -> None:
    hands, done = UnboundedThreadPool(lambda error: None), []
    before = threading.active_count()
    for number in range(500):
        hands.give(lambda number=number: done.append(number))  # type: ignore[misc]
        if number % 10 == 0:
            wait_for(lambda number=number: len(done) > number, "it is done")  # type: ignore[misc]
    wait_for(lambda: len(done) == 500, "all of it is done")
    assert sorted(done) == list(range(500))
    assert threading.active_count() - before < 100


def test_hands_that_hang_or_break_leave_the_others_working() -> None:
    broken: list[Any] = []
    never, done = threading.Event(), threading.Event()
    hands = UnboundedThreadPool(broken.append)
    for _ in range(30):
        hands.give(never.wait)  # type: ignore[arg-type]

    def breaks() -> None:
        raise SystemExit("on purpose")

    hands.give(breaks)
    hands.give(done.set)
    assert done.wait(30)
    wait_for(lambda: len(broken) == 1, "it is told")
    never.set()
