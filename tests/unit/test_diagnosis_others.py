"""What holds somebody up and what does not: long-lived receivers, busy children, requests of other people."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import APP, LIB, LOOP_AT_REST, PID, REQUEST, SERVES, SITE, STARTED, Thread, evidence, frame, process

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Evidence, Task, ThreadLook
from watchdog.model.exits import Exit
from watchdog.model.open_files import Connection

IDLE_LOOP = Thread("MainThread", LOOP_AT_REST, call="epoll_wait")
RECEIVES = (
    f"RequestResponseCycle.run_asgi {SITE}/uvicorn/protocols/websockets/websockets_impl.py:240",
    f"chat {APP}:12",
    f"WebSocket.receive_text {SITE}/starlette/websockets.py:120",
    f"WebSocketProtocol.asgi_receive {SITE}/uvicorn/protocols/websockets/websockets_impl.py:380",
)
HANDLES = f"RequestResponseCycle.run_asgi {SITE}/uvicorn/protocols/http/h11_impl.py:403"


def task(name: str, *calls: str, request: str = "") -> Task:
    return Task(PID, hash(name) & 0xFFFF, name, tuple(map(frame, calls)), "_asyncio.Future", request=request)


def request(waits: float, *, answered: bool = False) -> Connection:
    """A client's connection whose last bytes came so many seconds ago."""
    sent = (waits / 2, 900) if answered else (waits, 0)
    return Connection(
        PID, "127.0.0.1:8000", "127.0.0.1:41000", "ESTABLISHED", 0, 0, 77, True, waits, sent[0], 120, sent[1]
    )


def test_who_waits_for_the_next_message_of_a_client_is_not_what_a_request_hangs_at() -> None:
    waiting = task("checkout", HANDLES, f"checkout {APP}:30", f"Event.wait {LIB}/asyncio/locks.py:213")
    found = diagnose(evidence(IDLE_LOOP, tasks=[task("chat", *RECEIVES), waiting]))
    assert found.findings[0].cause == "await-never"
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.line == 30


def test_a_message_handler_that_waits_for_a_sign_is_no_receiver() -> None:
    inside = (*RECEIVES[:2], f"Event.wait {LIB}/asyncio/locks.py:213")
    found = diagnose(evidence(IDLE_LOOP, tasks=[task("chat", *inside)]))
    assert found.verdict == "await-never"


def hanging_request(
    waits: float, *, answered: bool = False, health: str = "well", waits_in: str = "wait threading.py:622"
) -> Evidence:
    name, place = waits_in.split()
    calls = (f"{name} {LIB}/{place}", f"paid {APP}:20", *REQUEST)
    threads = (
        Thread("MainThread", (f"select {LIB}/selectors.py:415", *SERVES), call="poll"),
        Thread("handler", calls, call="futex"),
    )
    return evidence(*threads, health=health, connections=[request(waits, answered=answered)])


def test_a_request_that_waits_for_news_while_questions_are_answered_is_left_alone() -> None:
    assert diagnose(hanging_request(20.0, answered=False)).verdict == "healthy"


def test_a_request_that_waits_for_work_it_gave_away_while_questions_are_answered_is_a_warning() -> None:
    found = diagnose(hanging_request(20.0, answered=False, waits_in="result concurrent/futures/_base.py:451"))
    assert (found.verdict, found.exit, found.advice) == ("await-never", Exit.WARNING, "call-a-person")
    assert "1 request waits for 20s" in found.findings[0].summary


@pytest.mark.parametrize(("waits", "answered"), [(20.0, True), (1.0, False)])
def test_an_answer_that_has_begun_or_is_not_yet_due_is_no_waiting_request(waits: float, answered: bool) -> None:
    assert diagnose(hanging_request(waits, answered=answered)).verdict == "healthy"


def test_the_same_request_is_a_fault_where_questions_are_not_answered() -> None:
    assert diagnose(hanging_request(20.0, answered=False, health="hung")).exit == Exit.CRITICAL


def test_a_child_that_computes_for_itself_is_not_blamed_for_a_hang_of_its_parent() -> None:
    child = replace(process(200, parent=PID), forked=True)
    waits = Thread("handler", (f"wait {LIB}/threading.py:622", f"paid {APP}:20", *REQUEST), call="futex")
    computes = Thread(
        "MainThread",
        (f"compute {APP}:40", f"_bootstrap {LIB}/multiprocessing/process.py:314", f"serve {APP}:70"),
        state="R",
        pid=200,
        gil=True,
    )
    main = Thread("MainThread", (f"select {LIB}/selectors.py:415", *SERVES), call="poll")
    found = diagnose(evidence(main, waits, computes, processes=[process(), child]))
    assert [one.cause for one in found.findings] == ["await-never"]


def test_a_child_whose_result_a_request_waits_for_is_blamed() -> None:
    child = replace(process(200, parent=PID), forked=True)
    waits = Thread(
        "handler", (f"result {LIB}/concurrent/futures/_base.py:451", f"paid {APP}:20", *REQUEST), call="futex"
    )
    computes = Thread("MainThread", (f"compute {APP}:40", *STARTED), state="R", pid=200, gil=True)
    main = Thread("MainThread", (f"select {LIB}/selectors.py:415", *SERVES), call="poll")
    found = diagnose(evidence(main, waits, computes, processes=[process(), child]))
    assert "busy-loop" in [one.cause for one in found.findings]


@pytest.mark.parametrize("inside", ["wait_for asyncio/tasks.py:479", "Event.wait asyncio/locks.py:213"])
def test_a_long_poll_is_left_alone_while_questions_are_answered(inside: str) -> None:
    name, place = inside.split()
    poll = task("poll", HANDLES, f"poll {APP}:30", f"{name} {LIB}/{place}", request="GET /poll")
    seen = evidence(IDLE_LOOP, tasks=[poll], health="well", connections=[request(20.0)])
    assert diagnose(seen).verdict == "healthy"


def test_the_same_long_poll_is_a_fault_where_questions_wait_as_well() -> None:
    poll = task("poll", HANDLES, f"poll {APP}:30", f"Event.wait {LIB}/asyncio/locks.py:213", request="GET /poll")
    assert diagnose(evidence(IDLE_LOOP, tasks=[poll], connections=[request(20.0)])).verdict == "await-never"


@pytest.mark.parametrize(
    ("is_in", "reads", "verdict"),
    [
        (True, "Request.json starlette/requests.py:256", "await-never"),
        (False, "Request.json starlette/requests.py:256", "healthy"),  # a slow client
        (
            True,
            "listen_for_disconnect starlette/responses.py:236",
            "healthy",
        ),  # a stream that waits for its client to go
    ],
)
def test_a_request_that_reads_its_body_twice_is_a_fault_also_while_others_are_answered(
    is_in: bool, reads: str, verdict: str
) -> None:
    name, place = reads.split()
    calls = (HANDLES, f"order {APP}:30", f"{name} {SITE}/{place}", f"Event.wait {LIB}/asyncio/locks.py:213")
    order = replace(task("order", *calls, request="POST /orders"), body_is_in=is_in)
    seen = evidence(IDLE_LOOP, tasks=[order], health="well", connections=[request(20.0)])
    assert diagnose(seen).verdict == verdict


@pytest.mark.parametrize("until", [0, 0x7F00])
def test_a_thread_whose_wait_the_kernel_ends_in_time_does_not_wait_in_vain(until: int) -> None:
    seen = hanging_request(20.0, waits_in="result concurrent/futures/_base.py:451")
    looks = tuple(replace(look, threads=tuple(_until(one, until) for one in look.threads)) for look in seen.looks)
    assert diagnose(replace(seen, looks=looks)).verdict == ("healthy" if until else "await-never")


def _until(thread: ThreadLook, until: int) -> ThreadLook:
    if thread.call is None or thread.call.name != "futex":
        return thread
    return replace(thread, call=replace(thread.call, arguments=(1, 393, 0, until)))
