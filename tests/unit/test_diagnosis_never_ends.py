"""Waits that no waiting ends: what a person is advised to do while the server answers others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import canned
import pytest
from canned import APP, AT_REST, LIB, LOOP_AT_REST, PID, REQUEST, SITE, STARTED, Thread, evidence, frame, process

from watchdog.diagnosis.diagnose import diagnose
from watchdog.diagnosis.ranking import graded, tempered
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Evidence, Task
from watchdog.model.finding import Certainty, Finding
from watchdog.model.open_files import Connection
from watchdog.report import advice

MAIN = Thread("MainThread", AT_REST, call="poll", moves=True)
LOOP = Thread("MainThread", LOOP_AT_REST, call="epoll_wait", moves=True)
WAITS = replace(canned.upstream("127.0.0.1:5001", 601), served=True, received=80, sent=0, received_ago=30.0,
                sent_ago=30.0)  # fmt: skip
HANDLES = f"RequestHandler._handle_request {SITE}/aiohttp/web_protocol.py:500"


def task(number: int, *calls: str, request: str = "") -> Task:
    return Task(PID, 1000 + number, f"Task-{number}", (frame(HANDLES), *map(frame, calls)), request=request)


def first(seen: Evidence) -> Finding:
    return diagnose(seen).findings[0]


def two_tasks_in_a_circle(health: str) -> Evidence:
    """Both stand at the same line, with different locks of the same name."""
    taken, wanted = f"transfer {APP}:13", f"transfer {APP}:16"
    acquire = f"Lock.acquire {LIB}/asyncio/locks.py:114"
    return evidence(
        LOOP,
        health=health,
        tasks=[task(number, wanted, acquire) for number in (1, 2)],
        held=[
            canned.point("", lock, taken, task=f"Task-{number}", kind="asyncio.Lock")
            for number, lock in ((1, "giver"), (2, "taker"))
        ],
        wanted=[
            replace(canned.point("", lock, wanted, task=f"Task-{number}", kind="asyncio.Lock"), expression="one.guard")
            for number, lock in ((1, "taker"), (2, "giver"))
        ],
        connections=[WAITS],
    )


def test_a_circle_of_tasks_is_a_warning_while_others_are_answered_and_nobody_is_advised_to_wait() -> None:
    seen = two_tasks_in_a_circle("well")
    found = diagnose(seen)
    assert (found.verdict, found.exit, found.advice) == ("lock-deadlock", 1, "call-a-person")
    said = advice.now(found.findings[0], seen)
    assert "these requests never end" in said and "`wd kill --pid 100`" in said
    assert diagnose(two_tasks_in_a_circle("hung")).advice == "restart"


def test_locks_of_the_same_name_are_told_apart_by_who_took_them_where() -> None:
    said = first(two_tasks_in_a_circle("well")).summary
    assert (
        "'Task-1' wants one.guard in transfer (server.py:16), which 'Task-2' holds since transfer (server.py:13)"
        in said
    )
    assert (
        "'Task-2' wants one.guard in transfer (server.py:16), which 'Task-1' holds since transfer (server.py:13)"
        in said
    )


@pytest.mark.parametrize(("certainty", "advised"), [("guess", "wait"), ("likely", "call-a-person")])
def test_a_guess_of_a_wait_without_an_end_still_advises_to_wait(certainty: Certainty, advised: str) -> None:
    view = View(evidence(MAIN, health="well", connections=[WAITS]))
    found = list(graded(view, tempered(view, [Finding("await-never", certainty, "it waits")])))
    assert [one.advice for one in found] == [advised]
    assert (found[0].remedy == "later") == (certainty != "guess")


def child_is_stopped(*parents: Thread, wait: Sequence[str] = (), state: str = "T") -> Evidence:
    return evidence(MAIN, *parents, processes=[process(), process(200, PID, ("tesseract", "page.png"), state)],
                    health="well", connections=[WAITS])  # fmt: skip


def waits_for_a_child(name: str, line: int, tid: int) -> Thread:
    calls = (f"_try_wait {LIB}/subprocess.py:2011", f"wait {LIB}/subprocess.py:1264", f"read {APP}:{line}", *REQUEST)
    return Thread(name, calls, call="wait4", tid=tid)


def test_a_stopped_child_is_told_with_the_line_that_waits_for_it_and_is_let_go_on() -> None:
    seen = child_is_stopped(waits_for_a_child("a", 17, 11))
    found = first(seen)
    assert found.cause == "stopped" and found.culprit is not None
    assert (found.culprit.line, found.culprit.pid, found.advice) == (17, PID, "call-a-person")
    assert "`kill -CONT 200`" in advice.now(found, seen)


def test_no_line_is_named_where_two_lines_wait_for_children_and_nothing_shows_for_which() -> None:
    found = first(child_is_stopped(waits_for_a_child("a", 17, 11), waits_for_a_child("b", 40, 12)))
    assert (found.cause, found.culprit) == ("stopped", None)


def test_a_server_that_is_stopped_itself_is_advised_to_be_restarted() -> None:
    found = first(evidence(MAIN, processes=[process(state="T")]))
    assert (found.cause, found.advice, found.remedy) == ("stopped", "restart", "")


DEAF = replace(canned.upstream("127.0.0.1:5002", 602), served=True, unsent=2 << 20, received=80, sent=900)
SENDS = {
    "aiohttp": f"BaseProtocol._drain_helper {SITE}/aiohttp/base_protocol.py:160",
    "uvicorn": f"FlowControl.drain {SITE}/uvicorn/protocols/http/flow_control.py:19",
    "websockets of uvicorn": f"WSProtocol.send {SITE}/uvicorn/protocols/websockets/wsproto_impl.py:378",
    "asyncio": f"FlowControlMixin._drain_helper {LIB}/asyncio/streams.py:173",
}


def holder_sends(last: str, connections: Sequence[Connection], health: str = "well") -> Evidence:
    """One task has the room's lock and sends; two others wait for the lock."""
    wanted, acquire = f"say {APP}:21", f"Lock.acquire {LIB}/asyncio/locks.py:114"
    names = ("Task-2", "Task-3")
    return evidence(
        LOOP,
        health=health,
        tasks=[task(1, f"say {APP}:24", last), *(task(number, wanted, acquire) for number in (2, 3))],
        held=[canned.point("", "guard", f"say {APP}:21", task="Task-1", kind="asyncio.Lock")],
        wanted=[canned.point("", "guard", wanted, task=name, kind="asyncio.Lock") for name in names],
        connections=connections,
    )


@pytest.mark.parametrize("library", SENDS)
def test_a_holder_that_sends_to_a_client_that_does_not_read_is_told_so(library: str) -> None:
    seen = holder_sends(SENDS[library], [WAITS, DEAF])
    found = first(seen)
    assert (found.cause, found.peer, found.advice) == ("lock-convoy", DEAF.remote, "call-a-person")
    assert "waits to send to a client that does not read (127.0.0.1:5002)" in found.summary
    assert "end the connection of 127.0.0.1:5002" in advice.now(found, seen)


def test_a_holder_that_reads_an_answer_is_not_said_to_send() -> None:
    found = first(holder_sends(f"StreamReader.readline {LIB}/asyncio/streams.py:566", [WAITS, canned.upstream()]))
    assert "send" not in found.summary and found.remedy != "end-connection"


def test_nobody_is_cut_off_where_nothing_waits_to_be_sent() -> None:
    found = first(holder_sends(SENDS["aiohttp"], [WAITS]))
    assert (found.cause, found.peer, found.advice) == ("lock-convoy", None, "wait")


def test_a_thread_that_only_waits_for_news_is_left_alone() -> None:
    calls = (f"wait {LIB}/threading.py:622", f"refresh {APP}:70", *STARTED)
    assert diagnose(evidence(MAIN, Thread("refresh", calls, call="futex"), health="well")).verdict == "healthy"
