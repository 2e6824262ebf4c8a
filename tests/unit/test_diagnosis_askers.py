"""Work that a thread does all in libraries is blamed on the application's line that waits for it."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import (
    APP,
    LIB,
    LOOP_AT_REST,
    PID,
    POOLED,
    REQUEST,
    SITE,
    STARTED,
    Thread,
    evidence,
    frame,
    socket_descriptor,
    upstream,
)

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Evidence, Task
from watchdog.model.finding import Finding

LOOP = Thread("MainThread", LOOP_AT_REST, call="epoll_wait", moves=True)
ITEM = (f"run {LIB}/concurrent/futures/thread.py:58", f"_worker {LIB}/concurrent/futures/thread.py:83", *STARTED)
CONNECTS = (
    f"readinto {LIB}/socket.py:706",
    f"SMTP.getreply {LIB}/smtplib.py:398",
    f"SMTP.__init__ {LIB}/smtplib.py:255",
)
SENDS = """async def send(loop):
    relay = await loop.run_in_executor(None, smtplib.SMTP, HOST)
    await loop.run_in_executor(None, relay.send_message, LETTER)


async def send_later(loop):
    found = loop.run_in_executor(None, smtplib.SMTP, HOST)
    note()
    return await found


async def lookup(loop):
    return await loop.run_in_executor(None, socket.getaddrinfo, HOST)
"""
OUTER = f"quart_handler {SITE}/quart/app.py:1400"


def served(*lines: int, source: str = SENDS, threads: int = 1, item: tuple[str, ...] = ITEM) -> Evidence:
    """Each of the threads connects to a silent relay; tasks wait at these lines of the source."""
    pool = [
        Thread(f"asyncio_{number}", (*CONNECTS, *item), call="recvfrom", descriptor=7, tid=11 + number)
        for number in range(threads)
    ]
    tasks = [
        Task(PID, 1000 + place, f"Task-{place}", (frame(OUTER), frame(f"send {APP}:{line}")), "Future")
        for place, line in enumerate(lines)
    ]
    return evidence(
        LOOP, *pool, source=source, tasks=tasks, descriptors=[socket_descriptor()], connections=[upstream()]
    )


def first(seen: Evidence) -> Finding:
    return diagnose(seen).findings[0]


@pytest.mark.parametrize("line", [2, 9], ids=["awaits the call", "awaits what it was assigned to"])
@pytest.mark.parametrize("threads", [1, 6])
def test_the_line_that_awaits_the_work_is_blamed_and_the_librarys_line_is_told(line: int, threads: int) -> None:
    found = first(served(*[line] * threads, threads=threads))
    assert found.cause == "external-wait" and found.culprit is not None
    assert (found.culprit.file, found.culprit.line, found.culprit.pid) == (APP, line, PID)
    assert "__init__ (smtplib.py:255)" in found.summary


def test_of_several_lines_that_wait_the_one_that_names_the_work_is_blamed() -> None:
    found = first(served(2, 13))
    assert found.culprit is not None and found.culprit.line == 2


def test_no_line_is_blamed_where_several_wait_and_none_names_the_work() -> None:
    other = SENDS.replace("smtplib.SMTP", "make")
    found = diagnose(served(2, 13, source=other))
    assert all(one.culprit is None or one.culprit.file != APP for one in found.findings)


@pytest.mark.parametrize(
    ("item", "call"),
    [
        ((f"run {LIB}/concurrent/futures/thread.py:58", *ITEM[1:]), "await asyncio.to_thread(smtplib.SMTP, HOST)"),
        (POOLED, "await anyio.to_thread.run_sync(smtplib.SMTP, HOST)"),
        ((f"thread_handler {SITE}/asgiref/sync.py:561", *ITEM), "await sync_to_async(smtplib.SMTP)(HOST)"),
    ],
    ids=["to_thread", "anyio", "asgiref"],
)
def test_all_ways_to_give_work_away_are_known(item: tuple[str, ...], call: str) -> None:
    found = first(served(2, source=f"async def send():\n    relay = {call}\n", item=item))
    assert found.culprit is not None and (found.culprit.file, found.culprit.line) == (APP, 2)


def test_a_thread_that_waits_for_the_result_of_another_is_the_one_that_gave_the_work() -> None:
    handler = Thread("handler", (f"result {LIB}/concurrent/futures/_base.py:451", f"page {APP}:2", *REQUEST),
                     call="futex", tid=40)  # fmt: skip
    seen = served()
    worker = Thread("pool_0", (*CONNECTS, *ITEM), call="recvfrom", descriptor=7, tid=11)
    main = Thread("MainThread", canned.AT_REST, call="poll", moves=True)
    seen = evidence(main, handler, worker, source="def page():\n    return pool.submit(smtplib.SMTP, HOST).result()\n",
                    descriptors=seen.descriptors, connections=seen.connections)  # fmt: skip
    found = first(seen)
    assert found.cause == "external-wait" and found.culprit is not None
    assert (found.culprit.file, found.culprit.line) == (APP, 2)


def test_work_in_libraries_for_which_nobody_waits_is_no_fault_while_the_server_answers() -> None:
    seen = replace(served(), answers=canned.answers("well"))
    assert diagnose(seen).verdict == "healthy"


def test_of_two_threads_that_wait_for_results_the_one_whose_future_it_is_gave_the_work() -> None:
    waits = f"result {LIB}/concurrent/futures/_base.py:451"
    handlers = [
        Thread(name, (waits, f"page {APP}:{line}", *REQUEST), call="futex", tid=tid)
        for name, line, tid in (("a", 2, 40), ("b", 6, 41))
    ]
    worker = Thread("pool_0", (*CONNECTS, *ITEM), call="recvfrom", descriptor=7, tid=11)
    main = Thread("MainThread", canned.AT_REST, call="poll", moves=True)
    points = [canned.point("", "f1", f"page {APP}:2", kind="Future", tid=40),
              canned.point("", "f2", f"page {APP}:6", kind="Future", tid=41)]  # fmt: skip
    seen = evidence(main, *handlers, worker, source="def page():\n    return begun.result()\n",
                    held=[canned.point("", "f2", ITEM[0], kind="Future", tid=11)], wanted=points,
                    descriptors=[socket_descriptor()], connections=[upstream()])  # fmt: skip
    found = first(seen)
    assert found.culprit is not None and (found.culprit.file, found.culprit.line) == (APP, 6)


BOXES = """async def next_letter(box):
    return await asyncio.to_thread(box.get)


async def board():
    return await asyncio.to_thread(NOTICE.read_text)
"""
IN_QUEUE = (f"Condition.wait {LIB}/threading.py:327", f"Queue.get {LIB}/queue.py:171")


def waiting_for_letters(*calls: str, count: int = 6) -> Evidence:
    pool = [Thread(f"asyncio_{at}", (*IN_QUEUE, *calls), call="futex", tid=11 + at, asleep=20.0) for at in range(count)]
    tasks = [
        Task(
            PID,
            1000 + at,
            f"Task-{at}",
            (frame(OUTER), frame(f"f {APP}:{line}"), frame(f"to_thread {LIB}/asyncio/threads.py:25")),
            "Future",
        )
        for at, line in enumerate((2, 2, 2, 2, 2, 2, 6, 6))
    ]
    return evidence(LOOP, *pool, source=BOXES, tasks=tasks)


def test_a_thread_whose_work_is_to_wait_in_a_queue_is_taken() -> None:
    found = first(waiting_for_letters(*ITEM))
    assert (found.cause, found.certainty) == ("pool-exhausted", "likely")
    assert found.culprit is not None and found.culprit.line == 2


def test_a_thread_that_waits_for_its_next_piece_of_work_is_free() -> None:
    assert first(waiting_for_letters(*ITEM[1:])).cause != "pool-exhausted"
