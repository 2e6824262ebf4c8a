"""A lock whose holder waits for work that wants the same lock."""

from __future__ import annotations

import pytest
import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER
from looks import ask_behind, blames, look, said, stands_in

pytestmark = [NEEDS_RIGHT, NEEDS_TRACER]
SERVER = support.SERVERS / "joins.py"
WAYS = {
    "pool": "[job.result() for job in jobs]",
    "thread": "helper.join()",
    "tasks": "await asyncio.gather(",
    "task": "await asyncio.create_task(",
    "greenlets": "gevent.joinall(jobs)",
}


@pytest.mark.parametrize("way", WAYS)
def test_who_holds_a_lock_and_waits_for_work_that_wants_it_is_in_a_deadlock(way: str) -> None:
    with support.running(str(SERVER), "{port}", way) as server:
        ask_behind(server, "/go", times=2)
        _, found = look(server, within=8.0)
        blames(found, "lock-deadlock", SERVER, WAYS[way]), said(found)


def test_who_holds_a_lock_and_waits_for_long_work_that_does_not_want_it_is_in_no_deadlock() -> None:
    with support.running(str(SERVER), "{port}", "apart") as server:
        ask_behind(server, "/go", times=3)
        support.wait_for(lambda: stands_in(server.pid, "measure"), "the work")
        _, found = look(server, within=8.0)
        assert found.findings[0].cause in ("healthy", "lock-convoy"), said(found)
