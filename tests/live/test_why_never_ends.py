"""Requests that wait for what never comes: the line that waits, and what is done about it."""

from __future__ import annotations

import os
import signal

import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER
from looks import ask_behind, line_of, look, said, stands_in

from watchdog.report import advice
from watchdog.system.process import processes

pytestmark = [
    NEEDS_RIGHT,
    NEEDS_TRACER,
]
SERVER = support.SERVERS / "never_ends.py"


def test_a_stopped_child_is_named_with_the_line_that_waits_for_it_and_goes_on_by_what_is_advised() -> None:
    with support.running(str(SERVER), "{port}", "child") as server:
        ask_behind(server, "/go")
        support.wait_for(lambda: stands_in(server.pid, "wait_for_child"), "the request waits for its child")
        (child,) = processes.descendants(processes.table(), server.pid)
        os.kill(child, signal.SIGSTOP)
        seen, found = look(server)
        first = found.findings[0]
        assert first.cause == "stopped", said(found)
        assert first.culprit is not None
        assert first.culprit.line == line_of(SERVER, "subprocess.run(")
        assert f"`kill -CONT {child}`" in advice.now(first, seen)


def test_a_reader_that_takes_its_lock_again_is_blamed_and_not_the_writer_behind_it() -> None:
    with support.running(str(SERVER), "{port}", "again") as server:
        ask_behind(server, "/go")
        support.wait_for(lambda: stands_in(server.pid, "read_twice"), "the reader has the lock")
        ask_behind(server, "/write")
        support.wait_for(lambda: stands_in(server.pid, "read_inside"), "the reader wants it again")
        _, found = look(server)
        first = found.findings[0]
        assert first.cause == "lock-deadlock", said(found)
        assert first.culprit is not None
        assert first.culprit.line == line_of(SERVER, "# takes it again")
