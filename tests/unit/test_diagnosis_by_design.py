"""What waits or computes by design, and what only looks like it."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import APP, AT_REST, LIB, PID, REQUEST, SITE, STARTED, Thread, evidence

from watchdog.diagnosis import suspects
from watchdog.diagnosis.diagnose import diagnose, settled
from watchdog.diagnosis.ranking import rank
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Evidence
from watchdog.model.finding import Finding
from watchdog.model.open_files import Connection

MAIN = Thread("MainThread", AT_REST, call="poll", moves=True)
RUN = (f"run {LIB}/concurrent/futures/thread.py:58", f"_worker {LIB}/concurrent/futures/thread.py:83", *STARTED)
TAKEN = (f"get {LIB}/queue.py:171", f"watch {APP}:8", *RUN)


def streams(unread: int = 0) -> Evidence:
    """A gRPC server whose threads wait for news for their streams."""
    came = Connection(PID, "127.0.0.1:8000", "127.0.0.1:41000", "ESTABLISHED", unread, 0, 77, True, 30.0, 1.0, 900, 90)
    threads = (Thread(f"fleet_{n}", TAKEN, call="futex", tid=20 + n) for n in range(8))
    seen = evidence(MAIN, *threads, health="none", connections=[came])
    return replace(seen, protocol="gRPC", configured=replace(seen.configured, url=None))


def test_threads_of_open_streams_are_no_fault_of_a_port_that_could_not_be_asked() -> None:
    assert diagnose(streams()).verdict == "healthy"


def test_the_same_threads_are_a_fault_when_bytes_of_a_client_lie_unread() -> None:
    assert diagnose(streams(unread=500)).verdict not in ("healthy", "healthy-busy")


def lines(unread: int = 0) -> Evidence:
    """A server of lines whose two threads wait until their clients send the next one."""
    calls = (f"readinto {LIB}/socket.py:706", f"handle {APP}:7", f"finish_request {LIB}/socketserver.py:360", *STARTED)
    threads = [Thread(f"Thread-{n}", calls, call="recvfrom", tid=20 + n, descriptor=7 + n) for n in (1, 2)]
    seen = evidence(
        MAIN, *threads, health="none", descriptors=[canned.socket_descriptor(7 + n, 500 + n) for n in (1, 2)]
    )
    clients = tuple(
        Connection(
            PID, "127.0.0.1:8000", f"127.0.0.1:4100{n}", "ESTABLISHED", unread, 0, 500 + n, True, 30.0, 1.0, 9, 9
        )
        for n in (1, 2)
    )
    config = replace(seen.configured, url=None)
    return replace(seen, protocol="socketserver", configured=config, connections=clients)


def test_threads_that_wait_for_the_next_words_of_their_clients_are_no_fault() -> None:
    assert diagnose(lines()).verdict == "healthy"


@pytest.mark.parametrize(("size", "full"), [("8", False), ("2", True)])
def test_an_executor_is_full_only_when_it_has_as_many_threads_as_it_may_have(size: str, full: bool) -> None:
    threads = [Thread(f"bench_{n}", TAKEN, call="futex", tid=20 + n) for n in range(2)]
    seen = evidence(MAIN, *threads, source=f"pool = ThreadPoolExecutor(max_workers={size})\n" + "#\n" * 20)
    assert ("pool-exhausted" in [one.cause for one in diagnose(seen).findings]) is full


def test_a_full_pool_whose_threads_poll_one_lock_outside_is_the_victim_of_that_lock() -> None:
    calls = (f"acquire {SITE}/redis/lock.py:210", f"count {APP}:18", f"service {SITE}/waitress/task.py:167",
             f"handler_thread {SITE}/waitress/task.py:84", *STARTED)  # fmt: skip
    threads = [Thread(f"waitress-{n}", calls, call="clock_nanosleep", tid=20 + n) for n in range(4)]
    found = [one.cause for one in diagnose(evidence(MAIN, *threads)).findings]
    assert found[:2] == ["external-wait", "pool-exhausted"]


def test_a_starved_machine_comes_after_every_fault_of_the_server() -> None:
    view = View(evidence(MAIN))
    starved = Finding("host-starved", "likely", "")
    assert [one.cause for one in rank(view, (starved, Finding("await-never", "guess", "")))] == [
        "await-never",
        "host-starved",
    ]


@pytest.mark.parametrize(("health", "busy"), [("well", False), ("hung", True)])
def test_a_request_that_computes_is_a_fault_only_where_others_wait(health: str, busy: bool) -> None:
    hashing = Thread("worker", (f"strong_hash {APP}:20", *REQUEST), state="R")
    waits = Connection(PID, "127.0.0.1:8000", "127.0.0.1:41000", "ESTABLISHED", 0, 0, 77, True, 30.0, 30.0, 120, 0)
    found = diagnose(evidence(MAIN, hashing, health=health, connections=[waits]))
    assert (found.verdict in ("busy-loop", "gil-held-native")) is busy


LENDS = """
def pages(size):
    with engine.connect() as link:
        for part in link.execute("select 1"):
            yield part

def count():
    with engine.connect() as link:
        return link.scalar()
"""


@pytest.mark.parametrize(("decorator", "line"), [("", 4), ("@contextmanager", None)])
def test_a_generator_that_hands_out_inside_a_with_keeps_the_connection(decorator: str, line: int | None) -> None:
    seen = evidence(MAIN, source=f"{decorator}\n{LENDS}")
    text = seen.sources[0].lines
    waiter = next(number for number, code in reversed(text) if "engine.connect" in code)
    found = suspects.unreturned(View(seen), canned.frame(f"count {APP}:{waiter}"), frozenset({"close"}))
    assert (found.line if found else None) == line


def test_a_comprehension_is_named_by_the_function_around_it() -> None:
    view = View(evidence(MAIN, source="def analyse(parts):\n    return sum(part.result() for part in parts)\n"))
    found = view.culprit(canned.frame(f"<genexpr> {APP}:2"))
    assert found is not None
    assert found.function == "analyse"


@pytest.mark.parametrize(("calls", "sooner"), [(AT_REST, True), ((f"tidy {APP}:20", *STARTED), False)])
def test_a_server_at_rest_that_answers_at_once_needs_half_the_looking(calls: tuple[str, ...], sooner: bool) -> None:
    helper = Thread("helper", calls, call="poll" if sooner else "unknown", moves=not sooner)
    seen = evidence(Thread("MainThread", AT_REST, call="poll"), helper, health="well")
    looked = replace(seen, memory=tuple(replace(one, at=3.2, rss=seen.memory[0].rss) for one in seen.memory))
    assert settled(looked, diagnose(looked)) is sooner
