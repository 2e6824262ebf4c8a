"""Work that is given to threads: who waits for it, and who keeps the thread."""

from __future__ import annotations

import socket

import pytest
import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER
from looks import ask_behind, blames, look, said, stands_in

pytestmark = [
    NEEDS_RIGHT,
    NEEDS_TRACER,
]
SERVER = support.SERVERS / "given_work.py"
CHILDS = support.SERVERS / "reads_child.py"
LOADS = support.SERVERS / "shared_loads.py"
RESULTS = support.SERVERS / "given_results.py"


def leave_after_asking(port: int, path: str) -> None:
    """A client that is gone before its answer comes."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())


def test_a_pool_of_one_thread_that_is_taken_is_exhausted_at_the_line_that_keeps_it() -> None:
    with support.running(str(SERVER), "{port}", "one") as server:
        ask_behind(server, "/go")
        support.wait_for(lambda: stands_in(server.pid, "wait_for_payment"), "the work")
        _, found = look(server)
        blames(found, "pool-exhausted", SERVER, "return threading.Event().wait()")


@pytest.mark.parametrize("way", ["idle", "timed"])
def test_a_pool_of_one_thread_that_comes_back_is_healthy(way: str) -> None:
    with support.running(str(SERVER), "{port}", way) as server:
        ask_behind(server, "/go", times=4)
        _, found = look(server, within=8.0, limit=5.0)
        assert found.verdict in ("healthy", "healthy-but-slow"), said(found)


@pytest.mark.parametrize(("way", "stands"), [("worker", "page"), ("flight", "table")])
def test_a_request_that_waits_for_work_of_another_thread_does_not_wait_for_ever(way: str, stands: str) -> None:
    with support.running(str(RESULTS), "{port}", way) as server:
        ask_behind(server, "/go", times=3)
        support.wait_for(lambda: stands_in(server.pid, stands), "a request that waits")
        _, found = look(server, within=8.0)
        assert found.verdict == "healthy", said(found)


@pytest.mark.parametrize(
    ("way", "line"),
    [("died", "return job.result()"), ("lost", "return flight.result()"), ("forgot", "return job.result()")],
)
def test_a_result_that_nobody_is_left_to_give_is_awaited_for_ever(way: str, line: str) -> None:
    with support.running(str(RESULTS), "{port}", way) as server:
        ask_behind(server, "/go", times=3)
        support.wait_for(lambda: stands_in(server.pid, "result"), "a request that waits")
        _, found = look(server, within=8.0)
        blames(found, "await-never", RESULTS, line)


@pytest.mark.parametrize(("way", "cause"), [("task", "healthy"), ("over", "await-never")])
def test_what_a_background_task_gives_is_awaited_for_ever_only_once_that_task_is_over(way: str, cause: str) -> None:
    with support.running(str(SERVER), "{port}", way) as server:
        ask_behind(server, "/go", times=3)
        _, found = look(server, within=10.0)
        first = found.findings[0]
        assert first.cause == cause, said(found)
        assert cause == "healthy" or "render" in first.summary


def test_what_a_background_task_has_forgotten_is_awaited_for_ever_though_it_lives() -> None:
    with support.running(str(SERVER), "{port}", "lost") as server:
        ask_behind(server, "/go", times=3)
        _, found = look(server, within=10.0)
        blames(found, "await-never", SERVER, "return await given")


def test_requests_whose_reader_of_a_child_died_of_a_line_that_is_not_json_wait_for_that_reader() -> None:
    with support.running(str(CHILDS), "{port}", "dies") as server:
        ask_behind(server, "/go", times=3)
        _, found = look(server, within=10.0)
        blames(found, "stdin-json-garbage", CHILDS, "message = json.loads(line)")


def test_a_child_that_fills_a_pipe_which_nobody_reads_is_told_where_the_loop_reads_its_other_one() -> None:
    with support.running(str(CHILDS), "{port}", "errors") as server:
        ask_behind(server, "/go", times=2)
        _, found = look(server, within=10.0)
        blames(found, "child-pipe-full", CHILDS, "await self.process.stdout.readline()")


@pytest.mark.parametrize("way", ["skips", "slow", "retired"])
def test_a_reader_of_a_child_that_goes_on_is_healthy(way: str) -> None:
    with support.running(str(CHILDS), "{port}", way) as server:
        ask_behind(server, "/go", times=3)
        _, found = look(server, within=10.0)
        assert found.verdict == "healthy", said(found)


@pytest.mark.parametrize("way", ["raised", "left"])
def test_a_shared_load_that_has_failed_is_awaited_for_ever_by_those_that_share_it(way: str) -> None:
    with support.running(str(LOADS), "{port}", way) as server:
        leave_after_asking(server.port, "/go")
        ask_behind(server, "/go", times=2)
        _, found = look(server, within=10.0)
        blames(found, "await-never", LOADS, "return await flight")


@pytest.mark.parametrize(("way", "times"), [("slow", 3), ("pairs", 1), ("told", 2)])
def test_what_another_request_or_a_callback_may_yet_give_is_not_awaited_for_ever(way: str, times: int) -> None:
    with support.running(str(LOADS), "{port}", way) as server:
        ask_behind(server, "/go", times=times)
        _, found = look(server, within=10.0)
        assert found.verdict == "healthy", said(found)
