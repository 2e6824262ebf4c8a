"""Hundreds of threads that wait are a pool where they were started in one go, and a leak where requests start them."""

from __future__ import annotations

import time

import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER
from looks import line_of, look, provoke, said

from watchdog.model.causes import HEALTHY

SERVER = support.SERVERS / "many_threads.py"
ASKED = 130
APART = 0.01  # seconds between two requests: nobody takes them for one loop

pytestmark = [NEEDS_RIGHT, NEEDS_TRACER]


def test_a_large_pool_that_was_started_in_one_go_is_healthy() -> None:
    with support.running(str(support.SERVERS / "large_pool.py"), "{port}") as server:
        # On a busy machine an answer may come late in one look: then the pool is not told from a leak.
        support.wait_for(lambda: look(server)[1].verdict in HEALTHY, "it is called healthy", limit=60.0)


def test_a_thread_for_each_request_that_nobody_ends_is_named_at_its_line() -> None:
    with support.running(str(SERVER), "{port}") as server:
        for _ in range(ASKED):
            provoke(f"{server.url}/go")
            time.sleep(APART)
        _, found = look(server)
        assert found.verdict == "thread-leak", said(found)
        culprit = found.findings[0].culprit
        assert culprit is not None
        assert culprit.line == line_of(SERVER, "news.wait()")
