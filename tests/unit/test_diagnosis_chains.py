"""A chain of waits: the pool, the lock that its threads queue for, and what the holder of that lock waits for."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import APP, AT_REST, LIB, LOOP_AT_REST, PID, SITE, STARTED, Thread, evidence

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Evidence, MachineLook, Task
from watchdog.model.finding import Finding
from watchdog.model.open_files import Connection

MAIN = Thread("MainThread", AT_REST, call="poll", moves=True)
SERVES = (f"service {SITE}/waitress/task.py:167", f"handler_thread {SITE}/waitress/task.py:84", *STARTED)
LOGS = (f"handle {LIB}/logging/__init__.py:978", f"on_get {APP}:24", *SERVES)
IDLE_LOOP = Thread("MainThread", LOOP_AT_REST, call="epoll_wait", moves=True)
HANDLES = f"RequestResponseCycle.run_asgi {SITE}/uvicorn/protocols/http/h11_impl.py:403"


def causes(seen: Evidence) -> list[str]:
    return [one.cause for one in diagnose(seen).findings]


def first(seen: Evidence) -> Finding:
    return diagnose(seen).findings[0]


def shipping(helper: Thread) -> Evidence:
    """A server whose log goes through the pipe of a helper, which does not read."""
    writes = Thread("waitress-0", (f"emit {APP}:17", *LOGS), call="write", descriptor=7, tid=11)
    queue = [
        Thread(f"waitress-{n}", (f"acquire {LIB}/logging/__init__.py:927", *LOGS), call="futex", tid=20 + n)
        for n in range(4)
    ]
    return evidence(
        MAIN, writes, *queue, helper,
        processes=[canned.process(), canned.process(200, PID, ("python", "shipper.py"))],
        descriptors=[canned.pipe(PID, 7, 900, 200, writable=True), canned.pipe(200, 0, 900, PID)],
        held=[canned.point("waitress-0", "m", f"handle {LIB}/logging/__init__.py:978", tid=11, kind="RLock")],
        wanted=[
            canned.point(f"waitress-{n}", "m", f"acquire {LIB}/logging/__init__.py:927", tid=20 + n, kind="RLock")
            for n in range(4)
        ],
    )  # fmt: skip


def test_a_full_pipe_whose_reader_does_not_read_is_the_root_of_the_lock_and_of_the_pool_behind_it() -> None:
    seen = shipping(Thread("python", (f"ship {APP}:60",), call="clock_nanosleep", pid=200, tid=200))
    assert causes(seen) == ["external-wait", "pool-exhausted", "lock-convoy"]
    found = first(seen)
    assert found.culprit is not None
    assert (found.culprit.line, found.peer) == (17, "pid 200: python shipper.py")


def test_a_reader_of_a_pipe_that_waits_for_a_silent_peer_is_the_root_of_its_writer() -> None:
    reads = Thread("python", (f"ship {APP}:60",), call="recvfrom", descriptor=3, pid=200, tid=200)
    seen = shipping(reads)
    peer = Connection(200, "127.0.0.1:41000", "10.0.0.9:514", "ESTABLISHED", 0, 0, 777)
    socket = replace(canned.socket_descriptor(3, 777), pid=200)
    found = first(replace(seen, connections=(peer,), descriptors=(*seen.descriptors, socket)))
    assert (found.cause, found.peer) == ("external-wait", "10.0.0.9:514")


def exports(threads: int, waiting: int, health: str, cpus: int = 2) -> Evidence:
    """Requests whose work runs in threads of the loop's default executor, and others that were given to it as well."""
    calls = (f"read {APP}:28", f"run {LIB}/concurrent/futures/thread.py:58",
             f"_worker {LIB}/concurrent/futures/thread.py:83", *STARTED)  # fmt: skip
    await_ = (HANDLES, f"export {APP}:44", f"to_thread {LIB}/asyncio/threads.py:25")
    asked = Connection(PID, "127.0.0.1:8000", "127.0.0.1:41000", "ESTABLISHED", 0, 0, 77, True, 30.0, 30.0, 120, 0)
    seen = evidence(
        IDLE_LOOP,
        *(Thread(f"asyncio_{n}", calls, call="clock_nanosleep", tid=20 + n) for n in range(threads)),
        tasks=[Task(PID, n, f"Task-{n}", tuple(map(canned.frame, await_))) for n in range(waiting)],
        health=health,
        connections=[asked],
    )
    return replace(seen, machine=MachineLook(0.0, cpus, None, 8 << 30, 4 << 30, None, None, 0, 0))


@pytest.mark.parametrize(
    ("threads", "waiting", "full"),
    [(3, 3, False), (6, 6, False), (6, 7, True)],
    ids=["more threads may begin", "as much work as threads", "work that waits"],
)
def test_threads_are_too_few_only_where_work_waits_for_one_while_questions_are_answered(
    threads: int, waiting: int, full: bool
) -> None:
    assert ("pool-exhausted" in causes(exports(threads, waiting, "well"))) is full


def test_an_executor_that_may_still_begin_threads_is_not_why_nobody_is_answered() -> None:
    assert "pool-exhausted" not in causes(exports(3, 3, "hung"))
    assert "pool-exhausted" in causes(exports(6, 6, "hung"))


def table(*inside: str, held: bool = True) -> Evidence:
    """Players queue for a table; who has it waits."""
    waits = (HANDLES, f"play {APP}:22", *inside)
    tasks = [Task(PID, 1, "Task-1", tuple(map(canned.frame, waits)), request="GET /table")]
    queue = (HANDLES, f"play {APP}:20", f"Lock.acquire {LIB}/asyncio/locks.py:120")
    tasks += [Task(PID, n, f"Task-{n}", tuple(map(canned.frame, queue)), request="GET /table") for n in (2, 3)]
    point = f"play {APP}:20"
    return evidence(
        IDLE_LOOP,
        tasks=tasks,
        held=[canned.point("", "turn", point, kind="asyncio.Lock", task="Task-1")] if held else [],
        wanted=[canned.point("", "turn", point, kind="asyncio.Lock", task=f"Task-{n}") for n in (2, 3)],
    )


@pytest.mark.parametrize(
    "inside",
    [
        (f"WebSocket.receive_text {SITE}/starlette/websockets.py:119", f"Queue.get {LIB}/asyncio/queues.py:158"),
        (f"Event.wait {LIB}/asyncio/locks.py:213",),
    ],
    ids=["the next message of its client", "an event"],
)
def test_a_task_that_waits_for_ever_with_a_lock_is_the_root_of_those_who_queue(inside: tuple[str, ...]) -> None:
    seen = table(*inside)
    assert causes(seen) == ["await-never", "lock-convoy"]
    found = first(seen)
    assert found.culprit is not None
    assert found.culprit.line == 22


def test_a_task_that_sleeps_with_a_lock_makes_a_queue_and_nothing_else() -> None:
    assert causes(table(f"sleep {LIB}/asyncio/tasks.py:639"))[0] == "lock-convoy"
