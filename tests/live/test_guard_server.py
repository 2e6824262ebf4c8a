"""The request guard on real servers, and what it leaves for wd to read."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from interpreters import interpreters
from support import SERVERS, Server, running, wait_for

from watchdog.commands.guard import guard
from watchdog.evidence.gather import gather
from watchdog.evidence.guard_notes import GuardNote, read_notes
from watchdog.model.errors import Refused, WrongUsage
from watchdog.model.evidence import Configured
from watchdog.model.selector import Selector
from watchdog.steps.spec import Context
from watchdog.system.process import descriptors
from watchdog.targets.resolve import resolve

BOTH = pytest.mark.parametrize("kind", ["asgi", "wsgi"])


def ask(server: Server, path: str, body: bytes = b"") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("POST" if body else "GET", path, body or None)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def guarded(kind: str):
    if kind == "asgi":
        pytest.importorskip("uvicorn")
    return running(str(SERVERS / "guarded.py"), kind, "{port}")


def notes(server: Server) -> tuple[GuardNote, ...]:
    return read_notes(descriptors.of(server.pid))


@BOTH
def test_a_request_in_time_is_answered_as_ever(kind: str) -> None:
    with guarded(kind) as server:
        assert ask(server, "/ok") == (200, b"done")
        if kind == "wsgi":
            assert ask(server, "/body", b"sent") == (200, b"sent")
        wait_for(lambda: notes(server) == (), "nothing is noted any more")


@BOTH
def test_a_request_that_takes_too_long_gets_a_504_and_the_next_one_is_served(kind: str) -> None:
    with guarded(kind) as server:
        status, body = ask(server, "/slow")
        assert (status, b"too long" in body) == (504, True)
        assert ask(server, "/ok") == (200, b"done")


@BOTH
def test_an_answer_that_has_begun_is_left_alone(kind: str) -> None:
    with guarded(kind) as server:
        assert ask(server, "/stream") == (200, b"first,done")


@BOTH
def test_an_error_of_the_application_stays_its_own(kind: str) -> None:
    with guarded(kind) as server:
        assert ask(server, "/fail")[0] == 500


def test_when_too_many_threads_are_stuck_the_next_requests_are_refused_at_once() -> None:
    with guarded("wsgi") as server:
        assert [ask(server, "/slow")[0] for _ in range(2)] == [504, 504]
        assert ask(server, "/ok")[0] == 503


def test_a_stuck_thread_is_noted_with_its_request_and_the_line_where_it_stands() -> None:
    with guarded("wsgi") as server:
        assert ask(server, "/slow?order=7")[0] == 504
        wait_for(lambda: any(note.where for note in notes(server)), "the place is noted")
        (note,) = notes(server)
        assert (note.what, note.overdue, note.allowed) == ("GET /slow?order=7", True, 0.7)
        line = next(
            n for n, text in enumerate((SERVERS / "guarded.py").read_text().splitlines(), 1) if "sleep(3600)" in text
        )
        assert note.where == f"{SERVERS / 'guarded.py'}:{line} in stuck"
        assert note.words(note.begun + 5).startswith("GET /slow?order=7 (5s overdue, at ")


def test_a_blocked_loop_answers_nobody_but_its_notes_tell_what_blocks_it() -> None:
    with guarded("asgi") as server:
        threading.Thread(target=lambda: _quietly(server), daemon=True).start()
        wait_for(lambda: any(note.where for note in notes(server)), "the place is noted")
        (note,) = notes(server)
        assert (note.what, note.overdue) == ("GET /block", True)
        assert note.where.endswith("in stuck")


def test_notes_can_be_read_while_the_process_is_stopped() -> None:
    with guarded("wsgi") as server:
        assert ask(server, "/slow")[0] == 504
        os.kill(server.pid, signal.SIGSTOP)
        assert [note.what for note in notes(server)] == ["GET /slow"]


def _quietly(server: Server) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        ask(server, "/block")


FUNCTIONS = """
import asyncio, sys, time
sys.path.insert(0, sys.argv[1])
from request_guard import RequestTimeout, bounded

@bounded(0.3)
def slow(): time.sleep(60)

@bounded(0.3)
async def slow_too(): await asyncio.sleep(60)

@bounded(30)
def quick(a, b=1): return a + b

@bounded(30)
async def quick_too(a): return a

@bounded(30)
def wrong(): raise KeyError("mine")

for call in (slow, lambda: asyncio.run(slow_too())):
    try: call()
    except RequestTimeout as error: print("late", "slow" in str(error))
print(quick(1, b=2), asyncio.run(quick_too(4)))
try: wrong()
except KeyError as error: print("own", error.args)
"""


@pytest.mark.parametrize("python", interpreters().values(), ids=interpreters().keys())
def test_a_bounded_function_ends_in_time_on_every_interpreter(python: str, folder: Path) -> None:
    library = Path(__file__).parents[2] / "watchdog" / "library"
    began = time.monotonic()
    done = subprocess.run(
        [python, "-c", FUNCTIONS, str(library)],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.stdout.splitlines() == ["late True", "late True", "3 4", "own ('mine',)"], done.stderr
    assert time.monotonic() - began < 50, "nobody waited for the threads that were given up"


def test_a_forked_child_has_notes_of_its_own(folder: Path) -> None:
    program = (
        "import os, sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from request_guard import NOTES\n"
        "NOTES.begin('of the parent', 9, 1)\n"
        "if os.fork() == 0:\n"
        "    NOTES.begin('of the child', 9, 1)\n"
        "os.write(1, b'%d\\n' % os.getpid()); time.sleep(60)\n"  # one write: two processes share the pipe
    )
    library = Path(__file__).parents[2] / "watchdog" / "library"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(library)], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            pids = {int(process.stdout.readline()), int(process.stdout.readline())}
            found = {pid: [note.what for note in read_notes(descriptors.of(pid))] for pid in pids}
            (child,) = pids - {process.pid}
            assert found == {process.pid: ["of the parent"], child: ["of the child"]}
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_the_guard_is_written_into_a_project_and_never_over_something_else(folder: Path) -> None:
    context = Context(Selector(), say=lambda _: None, ask=lambda _: False, folder=folder, state=folder)
    told = guard(context, {"to": str(folder)})
    written = folder / "request_guard.py"
    assert told.data["path"] == str(written)
    assert "GuardASGI" in written.read_text()
    assert guard(context, {"to": str(written)}).outcome == "ok"
    written.write_text("mine")
    with pytest.raises(Refused):
        guard(context, {"to": str(written)})
    assert written.read_text() == "mine"
    with pytest.raises(WrongUsage):
        guard(context, {"to": str(folder / "no" / "guard.py")})


def test_why_tells_the_request_that_the_guard_has_noted() -> None:
    with guarded("wsgi") as server:
        assert ask(server, "/slow?order=7")[0] == 504
        (tree,) = resolve(Selector(port=server.port))
        found = gather(tree, Configured(), 2.0)
        assert found.noted and found.noted[0].startswith("GET /slow?order=7 (")
