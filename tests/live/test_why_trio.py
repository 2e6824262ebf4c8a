"""Tasks of trio are read as those of asyncio are: who waits for a place, a lock or a sign is named."""

from __future__ import annotations

import pytest
import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER
from looks import ask_behind, line_of, look, provoke, said

from watchdog.evidence.tasks import read_tasks
from watchdog.model.causes import HEALTHY

pytest.importorskip("trio")
pytestmark = [
    NEEDS_RIGHT,
    NEEDS_TRACER,
]
SERVER = support.SERVERS / "trio_shop.py"


def waits_in(pid: int, function: str) -> bool:
    found = read_tasks(pid, 0.0, 3.0)
    return any(frame.function == function for task in found.tasks for frame in task.frames)


def test_places_that_are_not_given_back_are_named_at_the_line_that_takes_them() -> None:
    with support.running(str(SERVER), "{port}", "places") as server:
        for _ in range(2):
            provoke(f"{server.url}/go")
        _, found = look(server)
        first = found.findings[0]
        assert first.cause == "pool-exhausted", said(found)
        assert first.culprit is not None and first.culprit.line == line_of(SERVER, "await places.acquire()")


def test_a_sign_that_never_comes_is_named_and_not_who_waits_for_its_lock() -> None:
    with support.running(str(SERVER), "{port}", "sign") as server:
        ask_behind(server, "/go")
        support.wait_for(lambda: waits_in(server.pid, "wait_for_sign"), "a task in wait_for_sign")
        _, found = look(server)
        first = found.findings[0]
        assert first.cause in ("await-never", "lock-convoy"), said(found)
        assert first.culprit is not None and first.culprit.line == line_of(SERVER, "await ready.wait()"), first


def test_a_server_whose_tasks_wait_a_little_is_healthy() -> None:
    with support.running(str(SERVER), "{port}", "well") as server:
        ask_behind(server, "/go", times=8)
        _, found = look(server, within=8.0)
        assert found.verdict in HEALTHY, said(found)
