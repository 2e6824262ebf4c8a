"""Work that was given away: to threads, to children, to the database; who waits for whom, and who is to blame."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import (
    APP,
    LIB,
    LOOP_AT_REST,
    PID,
    REQUEST,
    SERVES,
    SITE,
    STARTED,
    Thread,
    evidence,
    frame,
    pipe,
    point,
    process,
    socket_descriptor,
    source_file,
    upstream,
)

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Evidence, Task
from watchdog.model.finding import Finding
from watchdog.model.open_files import Descriptor

MAIN = Thread("MainThread", (f"select {LIB}/selectors.py:415", *SERVES), call="poll")
ITEM = (f"run {LIB}/concurrent/futures/thread.py:58", f"_worker {LIB}/concurrent/futures/thread.py:83", *STARTED)


def findings(seen: Evidence) -> dict[str, Finding]:
    return {one.cause: one for one in diagnose(seen).findings}


def line_of(finding: Finding) -> int | None:
    return finding.culprit.line if finding.culprit else None


def test_threads_that_are_stuck_in_libraries_alone_are_not_idle() -> None:
    calls = (f"getaddrinfo {LIB}/socket.py:962", *ITEM)
    pool = [Thread(f"ThreadPoolExecutor-0_{number}", calls, call="poll", asleep=40.0) for number in range(6)]
    found = findings(evidence(MAIN, *pool))
    assert "pool-exhausted" in found
    assert "name to be looked up" in found["pool-exhausted"].summary


def test_an_idle_thread_of_a_pool_is_idle() -> None:
    idle = Thread("ThreadPoolExecutor-0_0", ITEM[1:], call="futex")
    assert diagnose(evidence(MAIN, idle, health="well")).verdict == "healthy"


def test_what_cannot_be_told_blames_nobody() -> None:
    bystander = Thread("refresh", (f"wait {LIB}/threading.py:622", f"refresh {APP}:70", *STARTED), call="futex")
    found = diagnose(evidence(MAIN, bystander))
    assert found.verdict == "unknown"
    assert found.findings[0].culprit is None


@pytest.mark.parametrize("forked", [True, False])
def test_a_child_that_waits_for_a_buffers_lock_after_a_fork_has_a_fork_lock(forked: bool) -> None:
    calls = (f"flush {LIB}/logging/__init__.py:1086", f"emit {LIB}/logging/__init__.py:1118", f"work {APP}:31")
    child = Thread("MainThread", calls, call="futex", pid=200, tid=200)
    waits = Thread("handler", (f"_try_wait {LIB}/subprocess.py:2004", f"wait {LIB}/subprocess.py:1264", f"go {APP}:9",
                               *REQUEST), call="wait4")  # fmt: skip
    seen = evidence(MAIN, waits, child, processes=[process(threads=4), process(200, PID, forked=forked)])
    assert (diagnose(seen).verdict == "fork-lock") == forked


@pytest.mark.parametrize("works", [True, False])
def test_a_result_whose_work_runs_at_this_moment_is_not_one_that_nobody_gives(works: bool) -> None:
    waiter = Thread("handler", (f"result {LIB}/concurrent/futures/_base.py:451", f"page {APP}:20", *REQUEST),
                    call="futex")  # fmt: skip
    work = (f"recv_into {LIB}/ssl.py:1166", f"fetch {APP}:30", *ITEM) if works else ITEM[1:]
    worker = Thread("fetch_0", work, call="recvfrom" if works else "futex", descriptor=7 if works else None)
    seen = evidence(MAIN, waiter, worker, connections=[upstream()], descriptors=[socket_descriptor()])
    found = findings(seen)
    assert ("await-never" in found) != works
    assert ("external-wait" in found) == works


def test_a_transaction_that_waits_for_work_which_waits_for_its_rows_is_a_deadlock() -> None:
    source = "\n".join(
        ("def deposit():", "    with transaction.atomic():", "        audit = helpers.submit(write_audit)",
         "        audit.result()", "def write_audit():", "    accounts.update(audits=1)")
    )  # fmt: skip
    waiter = Thread("waitress-0", (f"result {LIB}/concurrent/futures/_base.py:451", f"deposit {APP}:4", *REQUEST),
                    call="futex")  # fmt: skip
    worker = Thread("audit_0", (f"wait {SITE}/psycopg/waiting.py:228", f"write_audit {APP}:6", *ITEM),
                    call="recvfrom", descriptor=7)  # fmt: skip
    both = [upstream(), upstream(inode=502)]
    seen = evidence(MAIN, waiter, worker, source=source, connections=both, descriptors=[socket_descriptor()])
    assert line_of(findings(seen)["lock-deadlock"]) == 4
    alone = evidence(MAIN, waiter, worker, source=source, connections=both[:1], descriptors=[socket_descriptor()])
    assert "lock-deadlock" not in findings(alone)


def test_a_streamed_answer_that_is_never_closed_is_blamed_before_a_plain_call_of_the_same_client() -> None:
    source = "\n".join(
        ("async def models():", '    return await client.get(at("/models"))', "async def other():",
         '    return await client.get(at("/other"))', "async def warm():", '    question = at("/generate")',
         "    return await client.send(question, stream=True)")
    )  # fmt: skip
    waiting = Task(PID, 9, "models", (
        frame(f"run_asgi {SITE}/uvicorn/protocols/http/h11_impl.py:403"), frame(f"models {APP}:2"),
        frame(f"get {SITE}/httpx/_client.py:1768"),
        frame(f"wait_for_connection {SITE}/httpcore/_async/connection_pool.py:35"),
    ), "_asyncio.Future", request="GET /models")  # fmt: skip
    loop = Thread("MainThread", LOOP_AT_REST, call="epoll_wait")
    found = findings(evidence(loop, source=source, tasks=[waiting]))
    assert line_of(found["pool-exhausted"]) == 7


def test_an_ended_child_whose_output_somebody_else_keeps_open_is_told() -> None:
    waits = Thread("handler", (f"_communicate {LIB}/subprocess.py:2108", f"communicate {LIB}/subprocess.py:1209",
                               f"start {APP}:18", *REQUEST), call="poll")  # fmt: skip
    ends: list[Descriptor] = [pipe(PID, 9, 900, 321)]
    found = findings(evidence(MAIN, waits, descriptors=ends))
    assert "the child has ended, and process 321 keeps its output open" in found["child-wait"].summary
    living = evidence(MAIN, waits, descriptors=ends, processes=[process(), process(200, PID)])
    assert "has ended" not in findings(living)["child-wait"].summary


def test_a_lock_that_a_suspended_greenlet_holds_is_a_deadlock_of_its_hub() -> None:
    hub = Thread("MainThread", (f"reserve {APP}:23", f"handle {SITE}/gevent/pywsgi.py:1660"), call="futex", tid=PID)
    wanted = point("MainThread", "stock_lock", f"reserve {APP}:23", tid=PID)
    held = point("", "stock_lock", f"reserve {APP}:23", task="greenlet at 0x7f")
    found = diagnose(evidence(hub, held=[held], wanted=[wanted]))
    assert found.verdict == "lock-deadlock"
    assert "suspended greenlet holds" in found.findings[0].summary


def test_a_lock_that_nobody_holds_says_where_was_looked() -> None:
    waits = Thread("handler", (f"spend {APP}:12", *REQUEST), call="futex", tid=77)
    found = diagnose(evidence(MAIN, waits, wanted=[replace(point("handler", "cash", f"spend {APP}:12", tid=77))]))
    assert "none of 2 threads holds" in found.findings[0].summary


@pytest.mark.parametrize(("waits", "certainty"), [("course", "guess"), ("", "likely")])
def test_work_in_a_pool_of_processes_is_only_a_guess_to_be_long_work_if_a_request_may_wait_for_it(
    waits: str, certainty: str
) -> None:
    worker = Thread("MainThread", (f"turns_to {APP}:19", f"_process_worker {LIB}/concurrent/futures/process.py:261"),
                    state="R", pid=200, tid=200)  # fmt: skip
    asks = Task(PID, 9, "Task-9", (frame(f"start {SITE}/aiohttp/web_protocol.py:500"), frame(f"{waits} {APP}:27")),
                "_asyncio.Future")  # fmt: skip
    client = replace(upstream(), served=True, received=80, sent=0, received_ago=30.0, sent_ago=30.0)
    loop = Thread("MainThread", LOOP_AT_REST, call="epoll_wait", moves=True)
    seen = evidence(loop, worker, health="well", processes=[process(), process(200, PID)], connections=[client],
                    tasks=[asks] if waits else [])  # fmt: skip
    found = diagnose(seen).findings[0]
    assert (found.cause, found.certainty) == ("healthy-busy", certainty)


def test_lines_that_only_make_arguments_take_nothing_from_a_pool() -> None:
    from watchdog.diagnosis import shape

    assert shape.outer_calls_at(source_file("x = client.get(at('/a'), f(1)).json()"), 1) == ("json", "get")


@pytest.mark.parametrize("computes", [True, False])
def test_a_child_that_computes_may_do_the_work_though_its_calls_were_not_read(computes: bool) -> None:
    waits = (f"result {LIB}/concurrent/futures/_base.py:451", f"page {APP}:20", *REQUEST)
    child = Thread("python", (), state="R" if computes else "S", moves=computes, pid=200, tid=200)
    seen = evidence(MAIN, Thread("handler", waits, call="futex"), child, processes=[process(), process(200, PID)])
    assert ("await-never" in findings(seen)) != computes


def test_other_requests_that_wait_for_the_same_or_for_the_waiters_lock_do_not_give_the_result() -> None:
    serves = (f"handle {SITE}/gunicorn/workers/gthread.py:300", *ITEM)
    waits = (f"get {LIB}/multiprocessing/pool.py:770", f"paint {APP}:20", *serves)
    waiter = Thread("ThreadPoolExecutor-0_0", waits, call="futex", tid=11)
    same = Thread("ThreadPoolExecutor-0_1", waits, call="futex", tid=12)
    queues = Thread("ThreadPoolExecutor-0_2", (f"painted {APP}:30", *serves), call="futex", tid=13)
    control = Task(PID, 7000, "Task-1", (frame(f"_serve {SITE}/gunicorn/ctl/server.py:237"),), "Future")
    held = point("ThreadPoolExecutor-0_0", "wall", f"painted {APP}:30", tid=11)
    wanted = point("ThreadPoolExecutor-0_2", "wall", f"painted {APP}:30", tid=13)
    seen = evidence(MAIN, waiter, same, queues, tasks=[control], held=[held], wanted=[wanted])
    assert "await-never" in findings(seen)


@pytest.mark.parametrize(
    ("source", "gives"),
    [
        ("while True:\n    job = jobs.get()\n    time.sleep(9)\n    job.done()", True),
        ("while True:\n    jobs.get()\n    if empty:\n        time.sleep(9)", False),
        ("while True:\n    clean()\n    time.sleep(9)", False),
    ],
)
def test_a_thread_that_pauses_within_a_piece_of_work_may_give_the_result(source: str, gives: bool) -> None:
    waiter = Thread("handler", (f"result {LIB}/concurrent/futures/_base.py:451", f"page {APP}:20", *REQUEST),
                    call="futex")  # fmt: skip
    line = source.splitlines().index(next(one for one in source.splitlines() if "sleep" in one)) + 1
    worker = Thread("worker", (f"work {APP}:{line}", *STARTED), call="clock_nanosleep", tid=12)
    found = findings(evidence(MAIN, waiter, worker, source=source))
    assert ("await-never" in found) != gives


def test_a_stream_that_rests_in_a_simple_queue_waits_for_no_lock() -> None:
    source = "def watch(post):\n    while (news := post.get()) is not None:\n        yield news"
    rests = Thread("call_3", (f"watch {APP}:2", *ITEM), call="futex", asleep=20.0)
    seen = evidence(MAIN, rests, source=source, health="none")
    found = diagnose(replace(seen, protocol="grpc"))
    assert found.advice != "restart", [one.summary for one in found.findings]
