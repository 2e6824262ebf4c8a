"""A server whose requests wait for a child process: one that goes on, one that stands, one that nobody can open for."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import APP, AT_REST, LIB, PID, REQUEST, SITE, STARTED, Thread, evidence, frame, process

from watchdog.diagnosis.diagnose import diagnose
from watchdog.diagnosis.progress import goes_on
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Evidence
from watchdog.model.open_files import Connection

MAIN = Thread("MainThread", AT_REST, call="poll", moves=True)
RUNS = (f"wait {LIB}/subprocess.py:1264", f"run {LIB}/subprocess.py:550", f"convert {APP}:12")
CHILD = 200
OLD, NEW = 1000.0, 4999.0  # when the child began; the evidence is taken at 5000
POLLS = "while not os.path.exists('go'):\n    time.sleep(0.2)\n"


def waits(
    *child: Thread, started: float = OLD, transferred: int = 0, health: str = "well", source: str = ""
) -> Evidence:
    """Two requests wait for the child; the server answers all others."""
    clients = [
        Connection(PID, "127.0.0.1:8000", f"127.0.0.1:4100{n}", "ESTABLISHED", 0, 0, 70 + n, True, 30.0, 30.0, 90, 0)
        for n in range(2)
    ]
    threads = [Thread(f"worker-{n}", (*RUNS, *REQUEST), call="wait4", tid=11 + n) for n in range(2)]
    known = [process(), process(CHILD, PID, ("python", "job.py"), started=started)]
    seen = evidence(MAIN, *threads, *child, processes=known, health=health, connections=clients, source=source)
    looks = tuple(
        replace(look, transferred=100 + int(transferred * look.at)) if look.process.pid == CHILD else look
        for look in seen.looks
    )
    return replace(seen, looks=looks)


def job(moves: bool, *calls: str) -> Thread:
    return Thread(
        "MainThread", calls or ("<module> /srv/shop/job.py:9",), call="nanosleep", moves=moves, pid=CHILD, tid=CHILD
    )


def test_a_child_that_stands_still_is_a_warning_while_the_server_answers() -> None:
    found = diagnose(waits(job(moves=False)))
    assert (found.verdict, found.exit) == ("child-wait", 1)


@pytest.mark.parametrize(
    "seen",
    [
        waits(job(moves=True)),
        waits(job(moves=False), transferred=4000),
        waits(job(moves=False), started=NEW),
    ],
    ids=["its main thread comes back from its waits", "it writes", "it has just begun"],
)
def test_a_child_that_goes_on_is_not_a_fault(seen: Evidence) -> None:
    found = diagnose(seen)
    assert (found.verdict, found.exit, len(found.findings)) == ("healthy", 0, 1)
    assert "2 requests wait for a child process that goes on, in convert (server.py:12)" in found.findings[0].summary


@pytest.mark.parametrize(("moves", "verdict"), [(True, "healthy"), (False, "child-wait")])
def test_an_idle_worker_beside_the_child_says_nothing_of_it(moves: bool, verdict: str) -> None:
    seen = waits(job(moves=moves))
    idle = (f"get {LIB}/multiprocessing/queues.py:103", f"_process_worker {LIB}/concurrent/futures/process.py:240")
    worker = Thread("MainThread", idle, call="read", pid=300, tid=300)
    beside = evidence(worker, processes=[process(300, PID)], health="well")
    both = replace(seen, looks=(*seen.looks, *beside.looks), stacks=(*seen.stacks, *beside.stacks))
    assert diagnose(both).verdict == verdict


def test_a_child_that_only_polls_does_not_go_on() -> None:
    seen = waits(job(True, f"wait_for_go {APP}:2"), source=POLLS)
    assert not goes_on(View(seen), CHILD)
    assert diagnose(seen).verdict == "child-wait"


def test_a_child_that_is_gone_by_now_says_that_children_end() -> None:
    seen = waits(job(moves=False))
    looks = tuple(look for look in seen.looks if look.process.pid != CHILD or look.at < 1.0)
    assert diagnose(replace(seen, looks=looks)).verdict == "healthy"


def test_a_pool_whose_threads_wait_for_children_is_the_victim_of_the_children() -> None:
    calls = (*RUNS, f"handle {SITE}/gunicorn/workers/gthread.py:350", *STARTED)
    pool = [Thread(f"ThreadPoolExecutor-0_{n}", calls, call="wait4", tid=11 + n) for n in range(4)]
    known = [process(), process(CHILD, PID, ("cat", "font"))]
    seen = evidence(MAIN, *pool, Thread("cat", (), pid=CHILD, tid=CHILD, call="openat"), processes=known)
    looks = tuple(
        replace(look, threads=tuple(replace(one, wait_channel="wait_for_partner") for one in look.threads))
        if look.process.pid == CHILD
        else look
        for look in seen.looks
    )
    found = diagnose(replace(seen, looks=looks))
    assert [one.cause for one in found.findings][:2] == ["child-wait", "pool-exhausted"]
    assert "process 200 (cat font) waits for the other end of a named pipe to be opened" in found.findings[0].summary


def test_a_pool_whose_threads_read_the_output_of_children_to_its_end_waits_for_the_children() -> None:
    reads = (f"communicate {LIB}/subprocess.py:1196", f"check_output {LIB}/subprocess.py:466", f"proof {APP}:15")
    calls = (*reads, f"service {SITE}/waitress/task.py:167", f"handler_thread {SITE}/waitress/task.py:84", *STARTED)
    pool = [Thread(f"waitress-{n}", calls, call="read", descriptor=9, tid=11 + n) for n in range(4)]
    known = [process(), process(CHILD, PID, ("tail", "plate"))]
    child = Thread("tail", (), pid=CHILD, tid=CHILD, call="openat")
    found = diagnose(evidence(MAIN, *pool, child, processes=known, descriptors=[canned.pipe(PID, 9, 77, CHILD)]))
    assert [one.cause for one in found.findings] == ["child-wait", "pool-exhausted"]


def test_a_pool_whose_threads_read_lines_of_a_child_is_the_victim_of_that_child() -> None:
    calls = (f"cast {APP}:16", f"service {SITE}/waitress/task.py:167", f"handler_thread {SITE}/waitress/task.py:84")
    pool = [Thread(f"waitress-{n}", (*calls, *STARTED), call="read", descriptor=9, tid=11 + n) for n in range(3)]
    known = [process(), process(CHILD, PID, ("flock", "anvil"))]
    found = diagnose(evidence(MAIN, *pool, processes=known, descriptors=[canned.pipe(PID, 9, 77, CHILD)]))
    assert [one.cause for one in found.findings] == ["external-wait", "pool-exhausted"]


def test_a_request_that_waits_for_the_other_end_of_a_named_pipe_waits_for_somebody_outside() -> None:
    reader = Thread("worker", (f"read_font {APP}:7", *REQUEST), call="openat")
    seen = evidence(MAIN, reader)
    looks = tuple(
        replace(
            look,
            threads=tuple(
                replace(one, wait_channel="wait_for_partner") if one.name == "worker" else one for one in look.threads
            ),
        )
        for look in seen.looks
    )
    found = diagnose(replace(seen, looks=looks))
    assert found.verdict == "external-wait"
    assert "the other end of a named pipe" in found.findings[0].summary


def lines_of(child: Thread, transferred: int) -> Evidence:
    """A task of an event loop reads the lines that a child writes."""
    reads = canned.Task(
        PID, 900, "Task-9", tuple(map(frame, (
            f"RequestResponseCycle.run_asgi {SITE}/uvicorn/protocols/http/h11_impl.py:403", f"follow {APP}:24",
            f"StreamReader.readline {LIB}/asyncio/streams.py:563"))), "_asyncio.Future", request="POST /import",
    )  # fmt: skip
    seen = waits(child, transferred=transferred)
    loop = Thread("MainThread", canned.LOOP_AT_REST, call="epoll_wait", moves=True)
    bare = evidence(
        loop,
        child,
        processes=[process(), process(CHILD, PID)],
        health="well",
        tasks=[reads],
        connections=seen.connections[:1],
        descriptors=[canned.pipe(PID, 9, 77, CHILD)],
    )
    looks = tuple(
        replace(look, transferred=int(transferred * look.at)) if look.process.pid == CHILD else look
        for look in bare.looks
    )
    return replace(bare, looks=looks)


@pytest.mark.parametrize(("transferred", "verdict"), [(0, "external-wait"), (900, "healthy")])
def test_a_task_that_reads_the_lines_of_a_child_waits_in_vain_only_if_the_child_stands_still(
    transferred: int, verdict: str
) -> None:
    assert diagnose(lines_of(job(moves=False), transferred)).verdict == verdict
