"""A lock of the interpreter that is kept asleep, and a program that only inherited the port."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import APP, AT_REST, LIB, PID, REQUEST, SITE, Thread, evidence

from watchdog.diagnosis.diagnose import diagnose
from watchdog.diagnosis.view import View
from watchdog.model.causes import HEALTHY
from watchdog.model.evidence import Configured, Evidence, TaskLook
from watchdog.model.open_files import Descriptor
from watchdog.model.process import Listener

MAIN = Thread("MainThread", AT_REST, call="futex", moves=True)


@pytest.mark.parametrize("keeps", [True, False])
def test_a_thread_that_sleeps_with_the_interpreters_lock_is_named_at_its_line(keeps: bool) -> None:
    reads = Thread("a", (f"weigh {APP}:21", *REQUEST), call="read", descriptor=5, gil=keeps, tid=11)
    found = diagnose(evidence(MAIN, reads, descriptors=[Descriptor(PID, 5, "fifo", "/srv/scale", 900, True)]))
    assert (found.verdict == "gil-held-native") is keeps
    if keeps:
        assert found.findings[0].culprit is not None
        assert found.findings[0].culprit.line == 21
        assert "PyDLL" in found.findings[0].prevent


@pytest.mark.parametrize(("inode", "idle"), [(77, True), (501, False)])
def test_a_server_of_its_own_making_that_polls_its_listening_socket_waits_for_nobody(inode: int, idle: bool) -> None:
    waits = Thread("MainThread", (f"accept {APP}:141", f"start {APP}:20"), call="poll", descriptor=7)
    seen = evidence(waits, health="none", descriptors=[canned.socket_descriptor(inode=inode)])
    (thread,) = View(replace(seen, listeners=tuple((at, replace(one, inode=77)) for at, one in seen.listeners))).threads
    assert (thread.wait.kind == "accept") is idle


def burning(*, wanted: bool = False, health: str = "hung") -> Evidence:
    """Three requests in one function, that take turns at the interpreter's lock."""
    names = ("a", "b", "c")
    calls = (f"weigh {APP}:21", *REQUEST)
    threads = [
        Thread(name, calls, call="futex", moves=True, gil=name == "b", state="R" if name == "b" else "S", tid=11 + at)
        for at, name in enumerate(names)
    ]
    points = [canned.point(name, "m", f"weigh {APP}:21", tid=11 + at) for at, name in enumerate(names) if wanted]
    return evidence(MAIN, *threads, health=health, wanted=points[::2])


def test_requests_that_compute_in_turn_are_a_busy_loop_where_nobody_is_answered() -> None:
    found = diagnose(burning())
    assert (found.verdict, found.findings[0].culprit and found.findings[0].culprit.line) == ("busy-loop", 21)
    assert diagnose(burning(health="well")).exit == 0


def test_requests_that_want_a_lock_in_the_same_function_do_not_compute() -> None:
    spinning = [one.tid for one in View(burning(wanted=True)).threads if one.spins]
    assert spinning == [12]


def recorder(call: str, queue: int) -> Evidence:
    """A program without Python holds the port of a service that is started in another way."""
    tail = canned.process(PID, parent=1, cmdline=("tail", "-f", "/dev/null"), session=PID)
    configured = Configured(port=8000, url="http://127.0.0.1:8000/health", start_command=("python", "server.py"))
    waits = Thread("tail", (), call=call)
    seen = evidence(waits, processes=[tail], configured=configured)
    listener = Listener(8000, "127.0.0.1", 77, (PID,), queue, 5)
    return replace(seen, python=(), stacks=(), listeners=tuple((at, listener) for at, _ in seen.listeners))


@pytest.mark.parametrize(
    ("call", "queue", "keeps"),
    [("clock_nanosleep", 1, True), ("accept", 1, False), ("epoll_wait", 1, False), ("clock_nanosleep", 0, False)],
)
def test_a_program_that_inherited_the_port_and_takes_no_connection_keeps_it_from_a_restart(
    call: str, queue: int, keeps: bool
) -> None:
    assert (diagnose(recorder(call, queue)).verdict == "port-squatter") is keeps


SERVES_CALLS = Thread("Thread-1", (f"_serve {SITE}/grpc/_server.py:1100", *canned.STARTED), call="futex", tid=12)


@pytest.mark.parametrize(
    ("answers", "queued", "gil", "fault"),
    [("stream", 0, False, False), ("unary", 0, False, True), ("stream", 1, False, True), ("stream", 0, True, True)],
    ids=["taken for a stream", "taken as a call with one answer", "waits for a thread", "the interpreter is held"],
)
def test_a_question_that_a_server_of_grpc_took_for_a_stream_says_nothing_of_it(
    answers: str, queued: int, gil: bool, fault: bool
) -> None:
    taken = (f"_{answers}_response_in_pool {SITE}/grpc/_server.py:815", f"run {LIB}/concurrent/futures/thread.py:58")
    calls = (f"get {LIB}/queue.py:171", f"watch {APP}:21", *taken, *canned.STARTED)
    works = Thread("pool", calls, call="futex", gil=gil, tid=11)
    main = Thread("MainThread", (f"wait {LIB}/threading.py:320", f"<module> {APP}:35"), call="futex")
    look = TaskLook(PID, 1.0, "3.11", queues=(("queue.Queue", 3), ("_queue.SimpleQueue", queued)))
    seen = replace(
        evidence(main, works, SERVES_CALLS, configured=Configured(port=8000)), protocol="grpc", tasks=(look,)
    )
    assert (diagnose(seen).verdict in HEALTHY) is not fault
