"""Loops of the application's own that ask again and again for a lock or a file outside."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import APP, AT_REST, LIB, PID, REQUEST, SITE, STARTED, Thread, evidence, frame

from watchdog.diagnosis.diagnose import diagnose
from watchdog.diagnosis.polling import polled
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Evidence, Task
from watchdog.model.open_files import Descriptor, FileLock

MAIN = Thread("MainThread", AT_REST, call="poll", moves=True)
FLOCK = """
def book_open(guard):
    while True:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(0.25)
"""
HELPERS = """
def took():
    try:
        os.close(os.open(LOCK, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True

def guard():
    while not took():
        pause()

def pause():
    time.sleep(0.2)
"""
MKDIR = """
async def guard():
    while True:
        try:
            os.mkdir(FOLDER)
            return
        except FileExistsError:
            await asyncio.sleep(0.3)
"""
MARKER = "def guard():\n    while not Path(READY).exists():\n        time.sleep(1)\n"
JOBS = "def work():\n    while True:\n        items.append(fetch())\n        time.sleep(1)\n"
MAKES = JOBS.replace("items.append(fetch())", "Path(here).mkdir(exist_ok=True)")


@pytest.mark.parametrize(
    ("source", "place", "what"),
    [
        (FLOCK, "book_open:8", "a lock on the file guard"),
        (HELPERS, "guard:11", "the lock file LOCK"),
        (MKDIR, "guard:8", "the lock file FOLDER"),
        (MKDIR.replace("os.mkdir(FOLDER)", "os.link(mine, self.path)"), "guard:8", "the lock file self.path"),
        (MARKER, "guard:3", "the file Path(READY)"),
        (JOBS, "work:4", None),
        (MAKES, "work:5", None),
    ],
    ids=[
        "flock",
        "a lock file, in helpers",
        "a folder as a lock",
        "a link as a lock",
        "a file that is to come",
        "work",
        "no attempt",
    ],
)
def test_what_a_loop_asks_for_is_told_by_its_source(source: str, place: str, what: str | None) -> None:
    name, _, line = place.partition(":")
    found = polled(View(evidence(MAIN, source=source)), [frame(f"{name} {APP}:{line}")])
    assert (found.what if found else None) == what


def waits_for_a_lock(*, holder: int | None = None, health: str = "hung", threads: int = 4) -> Evidence:
    """All threads of the pool poll a lock file."""
    calls = (f"book_open {APP}:8", f"service {SITE}/waitress/task.py:167",
             f"handler_thread {SITE}/waitress/task.py:84", *STARTED)  # fmt: skip
    pool = [Thread(f"waitress-{n}", calls, call="clock_nanosleep", tid=20 + n, moves=True) for n in range(threads)]
    seen = evidence(
        MAIN, *pool, health=health, source=FLOCK, descriptors=[Descriptor(PID, 9, "file", "/srv/book.lock", 5, True)]
    )
    lock = FileLock("/srv/book.lock", holder or 0, "python nightly.py", "FLOCK", True, 0, False)
    return replace(seen, file_locks=(lock,) if holder else ())


def test_a_full_pool_that_polls_a_lock_of_another_program_names_the_lock_and_its_holder() -> None:
    found = diagnose(waits_for_a_lock(holder=900))
    first = found.findings[0]
    assert [one.cause for one in found.findings][:2] == ["external-wait", "pool-exhausted"]
    assert (first.peer, first.advice, first.certainty) == ("pid 900: python nightly.py", "call-a-person", "certain")
    assert first.culprit is not None
    assert first.culprit.line == 8


def test_a_polled_lock_without_a_known_holder_is_likely_only() -> None:
    found = diagnose(waits_for_a_lock())
    assert (found.verdict, found.findings[0].certainty) == ("external-wait", "likely")
    assert any("a restart changes nothing" in line for line in found.findings[0].details)


def test_the_thread_that_keeps_a_polled_lock_file_is_the_root() -> None:
    keeps = Thread("keeper", (f"recv {LIB}/socket.py:706", f"upload {APP}:40", *REQUEST), call="recvfrom",
                   descriptor=7, tid=99)  # fmt: skip
    seen = waits_for_a_lock()
    other = evidence(
        MAIN, keeps, descriptors=[canned.socket_descriptor()], connections=[canned.upstream()], source=FLOCK
    )
    both = replace(
        seen,
        looks=tuple(
            replace(one, threads=(*one.threads, *(it for it in more.threads if it.name == "keeper")))
            for one, more in zip(seen.looks, other.looks, strict=True)
        ),
        stacks=tuple(
            replace(one, threads=(*one.threads, *(it for it in more.threads if it.name == "keeper")))
            for one, more in zip(seen.stacks, other.stacks, strict=True)
        ),
        descriptors=other.descriptors,
        connections=other.connections,
    )
    found = diagnose(both)
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.function == "upload"


@pytest.mark.parametrize("holder", [None, 900])
def test_a_server_that_answers_may_poll_what_it_likes(holder: int | None) -> None:
    assert diagnose(waits_for_a_lock(holder=holder, health="well", threads=1)).verdict == "healthy"


def test_a_standby_that_polls_beside_a_hung_server_is_not_blamed() -> None:
    standby = Thread("standby", (f"book_open {APP}:8", *STARTED), call="clock_nanosleep", moves=True)
    asks = Thread("worker", (f"recv {LIB}/socket.py:706", f"ask {APP}:40", *REQUEST), call="recvfrom", descriptor=7)
    found = diagnose(
        evidence(
            MAIN,
            standby,
            asks,
            source=FLOCK,
            descriptors=[canned.socket_descriptor()],
            connections=[canned.upstream()],
        )
    )
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.function == "ask"


def test_tasks_that_poll_a_lock_file_are_named_before_the_sleep_that_they_are_in() -> None:
    polls = Task(PID, 900, "Task-9", tuple(map(frame, (
        f"RequestHandler._handle_request {SITE}/aiohttp/web_protocol.py:500", f"index {APP}:20", f"guard {APP}:8",
        f"sleep {LIB}/asyncio/tasks.py:639"))), "_asyncio.Future")  # fmt: skip
    loop = Thread("MainThread", canned.LOOP_AT_REST, call="epoll_wait", moves=True)
    found = diagnose(evidence(loop, tasks=[polls], source=MKDIR))
    assert found.verdict == "external-wait"
    assert found.findings[0].culprit is not None
    assert (found.findings[0].culprit.function, found.findings[0].culprit.line) == ("guard", 8)
