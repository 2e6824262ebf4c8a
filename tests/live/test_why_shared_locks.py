"""Locks that processes share: a fork does not copy them, and nobody gives them back for a holder that was killed."""

from __future__ import annotations

import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER
from looks import blames, line_of, look, provoke, said

pytestmark = [
    NEEDS_RIGHT,
    NEEDS_TRACER,
]
SERVER = support.SERVERS / "shared_locks.py"


def test_a_shared_lock_whose_holder_was_killed_is_lost_and_not_copied_by_the_fork() -> None:
    with support.running(str(SERVER), "{port}", "killed") as server:
        provoke(f"{server.url}/go")
        _, found = look(server)
        first = found.findings[0]
        assert first.cause == "lock-deadlock", said(found)
        assert "its holder has ended" in first.summary
        assert first.advice == "restart"
        assert first.culprit is not None
        assert first.culprit.line == line_of(SERVER, "            return 1") - 1
        assert "fork-lock" not in {one.cause for one in found.findings}


def test_a_shared_lock_that_a_living_process_never_gave_back_names_that_process() -> None:
    with support.running(str(SERVER), "{port}", "left") as server:
        _, found = look(server)
        first = found.findings[0]
        assert first.cause == "lock-deadlock", said(found)
        assert "took it and has not given it back" in first.summary
        assert first.culprit is not None
        assert first.culprit.line == line_of(SERVER, "    lock.acquire()")


def test_a_shared_lock_that_a_living_process_keeps_is_a_queue_behind_that_process() -> None:
    with support.running(str(SERVER), "{port}", "kept") as server:
        _, found = look(server)
        blames(found, "lock-convoy", SERVER, "        time.sleep(600)")


def test_a_shared_lock_that_is_passed_between_processes_is_healthy() -> None:
    with support.running(str(SERVER), "{port}", "passed") as server:
        _, found = look(server, within=8.0, limit=5.0)
        assert found.verdict in ("healthy", "healthy-but-slow"), said(found)
