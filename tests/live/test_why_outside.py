"""What a request waits for outside of its process: a child, a lock that it polls; and a source that was moved away."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER
from looks import ask_behind, line_of, look, provoke, said, stands_in

from watchdog.model.causes import HEALTHY

pytestmark = [
    NEEDS_RIGHT,
    NEEDS_TRACER,
]
SERVER = support.SERVERS / "outside.py"


def test_children_that_open_a_named_pipe_are_what_the_server_waits_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "font")
    with support.running(str(SERVER), "{port}", "fifo", str(tmp_path / "font")) as server:
        ask_behind(server, "/go", times=2)
        support.wait_for(lambda: stands_in(server.pid, "through_fifo"), "a thread in through_fifo")
        _, found = look(server, limit=1.0)
        assert found.verdict == "child-wait", said(found)
        assert "the other end of a named pipe to be opened" in found.findings[0].summary


def test_a_polled_lock_is_named_with_the_program_that_holds_it(tmp_path: Path) -> None:
    with (tmp_path / "book.lock").open("a") as kept:
        fcntl.flock(kept, fcntl.LOCK_EX)
        with support.running(str(SERVER), "{port}", "polls", str(tmp_path / "book.lock")) as server:
            _, found = look(server, limit=1.0)
    first = found.findings[0]
    assert (first.cause, first.certainty) == ("external-wait", "certain"), said(found)
    assert (first.peer or "").startswith(f"pid {os.getpid()}:")
    assert first.culprit is not None
    assert first.culprit.function == "polls_lock"


def test_a_child_that_reports_its_progress_is_not_a_fault() -> None:
    with support.running(str(SERVER), "{port}", "reports", "-") as server:
        ask_behind(server, "/go")
        support.wait_for(lambda: stands_in(server.pid, "reads_report"), "a thread in reads_report")
        _, found = look(server, within=9.0, limit=1.0)
        assert found.verdict in HEALTHY, said(found)


def test_a_lock_is_explained_though_the_release_was_renamed_after_the_start(tmp_path: Path) -> None:
    release = tmp_path / "41"
    release.mkdir()
    shutil.copy(SERVER, release / "desk.py")
    with support.running(str(release / "desk.py"), "{port}", "returns", "-", cwd=release) as server:
        now = release.rename(tmp_path / "41.old")
        provoke(f"{server.url}/cancel")  # it keeps the lock
        ask_behind(server, "/go")
        support.wait_for(lambda: stands_in(server.pid, "reserve"), "a thread in reserve")
        _, found = look(server, limit=1.0)
    culprit = found.findings[0].culprit
    assert (found.verdict, culprit and culprit.line) == ("lock-deadlock", line_of(SERVER, "desk.acquire()")), said(
        found
    )
    assert any(f"its source was read in {now}/desk.py" in line for line in found.missing)
