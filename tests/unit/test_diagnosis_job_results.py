"""Who waits for the result of a task: the peer that keeps results is not to blame, and a queue may wait for itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import (
    APP,
    AT_REST,
    LIB,
    PID,
    REQUEST,
    SITE,
    STARTED,
    Thread,
    evidence,
    process,
    socket_descriptor,
    source_file,
    upstream,
)

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Configured, Evidence, MemoryPoint

TASK = (f"execute {SITE}/huey/api.py:430", f"loop {SITE}/huey/consumer.py:132", *STARTED)
RESULT = (f"wait_result {SITE}/huey/storage.py:215", f"get {SITE}/huey/result.py:78", f"send_issue {APP}:12", *TASK)
FREE = (f"wait {LIB}/threading.py:331", f"sleep {SITE}/huey/consumer.py:149", f"loop {SITE}/huey/consumer.py:141")
TIMER = (f"wait {LIB}/threading.py:331", f"sleep_for_interval {SITE}/huey/consumer.py:68", *STARTED)
MAIN = (f"wait {LIB}/threading.py:331", f"loop {SITE}/huey/consumer.py:629", f"<module> {APP}:9")
CELERY = (
    f"wait_for_pending {SITE}/celery/backends/asynchronous.py:331",
    f"get {SITE}/celery/result.py:251",
    f"decide {APP}:4",
    *REQUEST,
)
DECIDES = 'def decide(order):\n    if order:\n        verdict = check_risk.apply_async((order,), queue="risk")\n' + (
    "        return verdict.get()\n"
)


def consumer(*workers: tuple[str, ...]) -> Evidence:
    """A Huey consumer whose workers have these calls, looked at for some time."""
    threads = [
        Thread(f"Worker-{n}", one, call="clock_nanosleep", asleep=0.2, moves=True, tid=120 + n)
        for n, one in enumerate(workers, 1)
    ]
    seen = evidence(
        Thread("MainThread", MAIN, call="futex"),
        Thread("Scheduler", (*TIMER,), call="futex", tid=119),
        *threads,
        health="none",
        configured=Configured(),
    )
    return over_time(seen)


def over_time(seen: Evidence) -> Evidence:
    """Looked at for eight times as long."""
    return replace(
        seen,
        listeners=(),
        looks=tuple(replace(one, at=one.at * 8) for one in seen.looks),
        stacks=tuple(replace(one, at=one.at * 8) for one in seen.stacks),
        memory=tuple(MemoryPoint(one.at * 8, one.rss, one.threads) for one in seen.memory),
    )


def test_workers_that_all_wait_for_tasks_of_their_own_queue_are_exhausted() -> None:
    found = diagnose(consumer(RESULT, RESULT))
    first = found.findings[0]
    assert (first.cause, first.advice) == ("pool-exhausted", "restart")
    assert "all 2 workers of huey wait for the result of a task" in first.summary
    assert first.culprit is not None
    assert first.culprit.line == 12


def test_a_job_that_waits_for_a_task_which_a_free_worker_can_do_is_at_work() -> None:
    found = diagnose(consumer(RESULT, (*FREE, *STARTED)))
    assert found.verdict == "healthy-busy"
    assert "it waits for the result of a task" in found.findings[0].summary


def test_a_job_that_waits_for_a_task_which_another_worker_does_is_at_work() -> None:
    assert diagnose(consumer(RESULT, (f"render {APP}:30", *TASK))).verdict == "healthy-busy"


@pytest.mark.parametrize(("words", "cause"), [((), "pool-exhausted"), (("-Q", "towns"), "healthy-busy")])
def test_a_celery_worker_that_was_told_its_queues_may_wait_for_another_one(words: tuple[str, ...], cause: str) -> None:
    job = (
        f"trace_task {SITE}/celery/app/trace.py:479",
        f"workloop {SITE}/billiard/pool.py:362",
        f"main {SITE}/celery/a.py:1",
    )
    calls = (f"get {SITE}/celery/result.py:251", f"town {APP}:12", *job)
    seen = evidence(
        Thread("MainThread", calls, call="poll", asleep=0.2, moves=True),
        processes=[process(cmdline=("python", "-m", "celery", "worker", *words))],
        health="none",
        configured=Configured(),
    )
    found = diagnose(over_time(seen))
    assert found.verdict == cause
    assert found.advice != "restart"


@pytest.mark.parametrize("call", ["poll", "recvfrom"])
def test_a_request_that_waits_for_the_result_of_a_task_does_not_blame_the_peer_that_keeps_results(call: str) -> None:
    seen = evidence(
        Thread("MainThread", AT_REST, call="epoll_wait"),
        Thread("Thread-2", CELERY, call=call, descriptor=7),
        descriptors=[socket_descriptor()],
        connections=[upstream("10.0.0.5:6379")],
    )
    found = diagnose(replace(seen, sources=(source_file(DECIDES),)))
    first = found.findings[0]
    assert (first.cause, first.advice, first.peer) == ("external-wait", "call-a-person", None)
    assert "the result of a task (check_risk in the queue 'risk')" in first.summary
    assert "a restart changes nothing" in first.details[0]
    assert "celery inspect active" in first.details[0]
    assert all("10.0.0.5" not in one.summary for one in found.findings)
    assert first.culprit is not None
    assert (first.culprit.line, first.culprit.pid) == (4, PID)


def test_a_command_that_redis_makes_for_the_first_time_is_not_an_attempt_that_failed() -> None:
    tries = (f"read_response {SITE}/redis/connection.py:600", f"call_with_retry {SITE}/redis/retry.py:80")
    waits = (*tries, f"get_result {SITE}/dramatiq/results/backends/redis.py:93", f"decide {APP}:4", *REQUEST)
    seen = evidence(
        Thread("MainThread", AT_REST, call="epoll_wait"),
        Thread("Thread-2", waits, call="recvfrom", descriptor=7),
        descriptors=[socket_descriptor()],
        connections=[upstream("10.0.0.5:6379")],
    )
    assert "the result of a task" in diagnose(seen).findings[0].summary
    asleep = evidence(Thread("MainThread", AT_REST), Thread("Thread-2", waits[1:], call="clock_nanosleep"))
    assert "an attempt that fails again and again" in diagnose(asleep).findings[0].summary


@pytest.mark.parametrize(
    "around",
    [
        "__call__ {0}/tenacity/__init__.py:475",
        "retry {0}/backoff/_sync.py:105",
        "call {0}/retrying.py:250",
        "retry_over_time {0}/kombu/utils/functional.py:318",
    ],
)
def test_the_first_attempt_inside_a_retry_is_a_wait_for_the_peer(around: str) -> None:
    waits = (f"readinto {LIB}/socket.py:706", f"price {APP}:4", around.format(SITE), f"decide {APP}:8", *REQUEST)
    seen = evidence(
        Thread("MainThread", AT_REST, call="epoll_wait"),
        Thread("Thread-2", waits, call="recvfrom", descriptor=7),
        descriptors=[socket_descriptor()],
        connections=[upstream("10.0.0.5:80")],
    )
    first = diagnose(seen).findings[0]
    assert "fails again and again" not in first.summary
    assert first.culprit is not None and first.culprit.line == 4
