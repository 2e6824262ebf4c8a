"""A server that answers most questions while some requests wait for good, or for what could not be read."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import APP, AT_REST, LIB, LOOP_AT_REST, PID, REQUEST, SITE, Thread, evidence, frame

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Evidence, Gap, Task, TaskLook

MAIN = Thread("MainThread", AT_REST, call="poll", moves=True)
SECTION = "def add(item):\n    with book_lock:\n        book.append(item)\n"
BELL = SECTION.replace("with book_lock:", "if bell.acquire():")


def waits_at_a_lock(source: str, asleep: float) -> Evidence:
    """Three requests stand at line 2 of the source; the server answers all others."""
    names = [f"waitress-{number}" for number in range(3)]
    return evidence(
        MAIN,
        *(
            Thread(name, (f"add {APP}:2", *REQUEST), call="futex", asleep=asleep, tid=11 + place)
            for place, name in enumerate(names)
        ),
        health="well",
        source=source,
        wanted=[
            replace(canned.point(name, "a", f"add {APP}:2", tid=11 + place), section="with" in source)
            for place, name in enumerate(names)
        ],
    )


def test_a_lock_that_nobody_gives_back_is_named_though_other_requests_are_answered() -> None:
    found = diagnose(waits_at_a_lock(SECTION, asleep=9.0))
    assert (found.verdict, found.findings[0].certainty, found.exit) == ("lock-deadlock", "likely", 1)
    assert (found.advice, found.findings[0].remedy) == ("call-a-person", "later")


@pytest.mark.parametrize(
    ("source", "asleep"), [(SECTION, 0.4), (BELL, 9.0)], ids=["the section is free soon", "another thread rings"]
)
def test_a_lock_that_may_still_be_given_back_is_not_blamed_while_the_server_answers(source: str, asleep: float) -> None:
    assert diagnose(waits_at_a_lock(source, asleep)).verdict == "healthy"


@pytest.mark.parametrize(
    ("waits", "unread", "certainty"),
    [(True, True, "guess"), (True, False, "guess"), (False, True, "likely")],
    ids=["requests wait and were not read", "they wait as a long poll does", "nobody waits"],
)
def test_a_healthy_server_is_a_guess_where_other_requests_wait_without_a_byte(
    waits: bool, unread: bool, certainty: str
) -> None:
    client = replace(canned.upstream(), served=True, received=80, sent=0, received_ago=30.0, sent_ago=30.0)
    seen = evidence(MAIN, health="well", connections=[client] if waits else [])
    gaps = (Gap("tasks of 100", "the memory of process 100 could not be read: no answer within 4.5 s"),)
    found = diagnose(replace(seen, gaps=gaps if unread else ()))
    assert (found.verdict, found.findings[0].certainty, found.exit) == ("healthy", certainty, 0)


HANDLES = f"RequestHandler._handle_request {SITE}/aiohttp/web_protocol.py:500"
QUEUES = (HANDLES, f"report {APP}:26", f"Semaphore.acquire {LIB}/asyncio/locks.py:387")
WORKS = (HANDLES, f"report {APP}:27", f"to_thread {LIB}/asyncio/threads.py:25")


def readings(*rows: tuple[tuple[str, ...], ...]) -> tuple[TaskLook, ...]:
    """What each task does at each reading of the memory, the first task first."""
    return tuple(
        TaskLook(
            PID,
            1.5 * place,
            "3.11",
            tasks=tuple(
                Task(PID, 1000 + number, f"Task-{number}", tuple(map(frame, calls)), request=f"GET /report/{number}")
                for number, calls in enumerate(row)
            ),
        )
        for place, row in enumerate(rows)
    )


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (((QUEUES, QUEUES), (QUEUES, QUEUES)), "pool-exhausted"),
        (((QUEUES, QUEUES), (QUEUES,)), "pool-exhausted"),
        (((QUEUES, QUEUES), (WORKS, QUEUES)), "healthy"),
    ],
    ids=["nobody moves", "one gave up", "one has got a place meanwhile"],
)
def test_a_semaphore_is_exhausted_only_while_no_task_is_seen_to_get_a_place(
    rows: tuple[tuple[tuple[str, ...], ...], ...], verdict: str
) -> None:
    client = replace(canned.upstream(), served=True, received=80, sent=0, received_ago=30.0, sent_ago=30.0)
    seen = evidence(
        Thread("MainThread", LOOP_AT_REST, call="epoll_wait", moves=True), health="well", connections=[client]
    )
    assert diagnose(replace(seen, tasks=readings(*rows))).verdict == verdict


@pytest.mark.parametrize(("count", "certainty"), [(2, "guess"), (5, "likely")], ids=["1.5 seconds", "6 seconds"])
def test_a_full_semaphore_of_a_server_that_answers_is_a_guess_until_it_was_watched_for_a_while(
    count: int, certainty: str
) -> None:
    client = replace(canned.upstream(), served=True, received=80, sent=0, received_ago=30.0, sent_ago=30.0)
    loop = Thread("MainThread", LOOP_AT_REST, call="epoll_wait", moves=True)
    seen = evidence(loop, health="well", connections=[client])
    found = diagnose(replace(seen, tasks=readings(*[(QUEUES, QUEUES)] * count)))
    assert (found.verdict, found.findings[0].certainty) == ("pool-exhausted", certainty)
