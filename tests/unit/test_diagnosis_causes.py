"""Every cause has canned evidence that shows it, and the guilty line with it."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import (
    APP,
    AT_REST,
    IN_LOOP,
    LIB,
    LOOP_AT_REST,
    PID,
    POOLED,
    REQUEST,
    SERVES,
    SITE,
    STARTED,
    Thread,
    evidence,
    process,
)

from watchdog.diagnosis.diagnose import diagnose
from watchdog.diagnosis.registry import RULES
from watchdog.model.causes import CAUSES
from watchdog.model.evidence import (
    Configured,
    Container,
    DiskLook,
    Evidence,
    Exit,
    LockPoint,
    MachineLook,
    PeerLook,
    SystemCall,
    Task,
    TaskLook,
)
from watchdog.model.finding import Diagnosis
from watchdog.model.open_files import FileLock

MAIN = Thread("MainThread", AT_REST, call="poll", moves=True)


def said(seen: Evidence) -> tuple[str, int | None]:
    """The verdict and its line."""
    found = diagnose(seen)
    return found.verdict, found.findings[0].culprit.line if found.findings and found.findings[0].culprit else None


def causes(found: Diagnosis) -> list[str]:
    return [one.cause for one in found.findings]


def test_a_stopped_process_is_told_as_stopped() -> None:
    seen = evidence(Thread("MainThread", AT_REST, state="T"), processes=[process(state="T")])
    assert diagnose(seen).verdict == "stopped"


def test_a_process_under_a_debugger_names_the_debugger() -> None:
    held = replace(process(state="t"), tracer=4711)
    found = diagnose(evidence(Thread("MainThread", AT_REST, state="t"), processes=[held]))
    assert found.verdict == "traced"
    assert "4711" in found.findings[0].summary


def test_a_thread_in_the_kernel_cannot_be_ended() -> None:
    calls = (f"write_row {APP}:12", f"handle {LIB}/http/server.py:436", *SERVES)
    seen = evidence(Thread("MainThread", calls, state="D"), processes=[process(state="D")])
    assert said(seen) == ("uninterruptible", 12)


SPIN = "\n" * 9 + "def total(rows):\n    while rows:\n        rows = step(rows)\n        check(rows)\n"


def test_python_code_that_goes_round_is_a_busy_loop_in_the_function_that_stays() -> None:
    calls = [
        (f"step {APP}:30", f"total {APP}:12", *IN_LOOP),
        (f"total {APP}:13", *IN_LOOP),
        (f"step {APP}:31", f"total {APP}:12", *IN_LOOP),
    ]
    assert said(evidence(Thread("MainThread", calls, state="R", gil=True), source=SPIN)) == ("busy-loop", 12)


REGEX = "\n" * 9 + "def valid(text):\n    return ADDRESS.match(text) is not None\n"


def test_a_pattern_that_does_not_come_back_keeps_the_interpreters_lock() -> None:
    seen = evidence(Thread("MainThread", (f"valid {APP}:11", *IN_LOOP), state="R", gil=True), source=REGEX)
    assert said(seen) == ("gil-held-native", 11)


def test_a_statement_without_a_loop_that_does_not_end_is_native_whatever_it_calls() -> None:
    source = "\n" * 9 + "def digest(data):\n    return strange_extension(data)\n"
    seen = evidence(Thread("MainThread", (f"digest {APP}:11", *REQUEST), state="R", gil=True), source=source)
    assert said(seen) == ("gil-held-native", 11)


CALLED = """
def page(rows):
    return rows[:100]


def total(rows):
    while rows:
        rows = page(rows)
"""


def test_a_short_function_that_a_loop_calls_is_no_native_code_though_each_of_few_looks_meets_it() -> None:
    calls = (f"page {APP}:3", f"total {APP}:8", *IN_LOOP)
    seen = evidence(Thread("MainThread", calls, state="R", gil=True), source=CALLED)
    assert said(seen) == ("busy-loop", 3)


def test_a_loop_of_one_line_is_no_native_code() -> None:
    source = "\n" * 9 + "def idle():\n    while True:\n        pass\n"
    seen = evidence(Thread("MainThread", (f"idle {APP}:12", *REQUEST), state="R", gil=True), source=source)
    assert said(seen) == ("busy-loop", 11)


@pytest.mark.parametrize(
    ("body", "tid", "no_end"),
    [
        ("while True:\n        pass", 0, True),
        ("while True:\n        if ready(): break", 0, False),
        ("while rows:\n        rows = step(rows)", 0, False),
        ("while True:\n        pass", 7, False),
    ],
)
def test_only_a_main_thread_in_a_loop_that_nothing_leaves_has_no_end(body: str, tid: int, no_end: bool) -> None:
    """For it alone SIGTERM has no use: another loop may come to its end within the grace."""
    source = "\n" * 9 + f"def idle():\n    {body}\n"
    seen = evidence(Thread("one", (f"idle {APP}:12", *REQUEST), state="R", gil=True, tid=tid), source=source)
    (found,) = [one for one in diagnose(seen).findings if one.cause == "busy-loop"]
    assert found.no_end is no_end


def test_a_synchronous_call_blocks_the_event_loop() -> None:
    seen = evidence(
        Thread("MainThread", (f"wait_printed {APP}:16", f"print_invoice {APP}:33", *IN_LOOP), call="clock_nanosleep")
    )
    assert said(seen) == ("event-loop-blocked", 16)


def test_a_blocked_loop_that_waits_for_a_peer_names_the_peer() -> None:
    seen = evidence(
        Thread(
            "MainThread", (f"readinto {LIB}/socket.py:706", f"ask {APP}:20", *IN_LOOP), call="recvfrom", descriptor=7
        ),
        descriptors=[canned.socket_descriptor()],
        connections=[canned.upstream()],
    )
    found = diagnose(seen)
    assert found.verdict == "event-loop-blocked"
    assert found.findings[0].peer == "10.0.0.5:5432"


def test_a_thread_that_waits_for_a_silent_peer_names_it_and_how_it_was_reached() -> None:
    seen = evidence(
        MAIN,
        Thread("Thread-3", (f"read_price {APP}:15", f"price {APP}:22", *REQUEST), call="recvfrom", descriptor=7),
        descriptors=[canned.socket_descriptor()],
        connections=[canned.upstream()],
    )
    seen = replace(seen, peers=(PeerLook("10.0.0.5:5432", "connects", "postgres (pid 9)"),))
    found = diagnose(seen)
    assert said(seen) == ("external-wait", 15)
    assert found.findings[0].peer == "10.0.0.5:5432"
    assert "takes connections, and does not answer" in found.findings[0].summary


TELLERS = (  # each has what the other wants
    Thread("deposit", (f"deposit {APP}:22", *STARTED), call="futex", tid=11),
    Thread("withdraw", (f"withdraw {APP}:30", *STARTED), call="futex", tid=12),
)
HELD = [
    canned.point("deposit", "cash", f"deposit {APP}:20", tid=11),
    canned.point("withdraw", "bank", f"withdraw {APP}:28", tid=12),
]
WANTED = [
    canned.point("deposit", "bank", f"deposit {APP}:22", tid=11),
    canned.point("withdraw", "cash", f"withdraw {APP}:30", tid=12),
]


def test_two_threads_that_wait_for_each_other_are_shown_line_by_line_and_their_victims_counted() -> None:
    seen = evidence(
        MAIN,
        *TELLERS,
        Thread("Thread-4", (f"health {APP}:37", *REQUEST), call="futex", tid=13),
        held=HELD,
        wanted=[canned.point("Thread-4", "cash", f"health {APP}:37", tid=13), *WANTED],
    )
    found = diagnose(seen)
    assert found.verdict == "lock-deadlock"
    first = found.findings[0]
    assert first.culprit is not None
    assert first.culprit.line in (22, 30)
    assert "1 more wait" in first.summary
    assert any("'withdraw' holds bank" in line and "waits for cash" in line for line in first.details)


@pytest.mark.parametrize(("health", "certainty"), [("well", None), ("hung", "likely")])
def test_a_circle_of_waits_with_time_outs_opens_by_itself_and_is_told_only_where_nobody_is_answered(
    health: str, certainty: str | None
) -> None:
    seen = evidence(MAIN, *TELLERS, held=HELD, wanted=WANTED, health=health)
    until = SystemCall(0, "futex", (1, 2, 3, 4096))  # the fourth says when it gives up
    looks = tuple(
        replace(look, threads=tuple(replace(one, call=until) if one.call else one for one in look.threads))
        for look in seen.looks
    )
    found = diagnose(replace(seen, looks=looks))
    assert [one.certainty for one in found.findings if one.cause == "lock-deadlock"] == (
        [certainty] if certainty else []
    )


def test_tasks_that_wait_for_each_other_are_a_deadlock_too() -> None:
    seen = evidence(
        Thread("MainThread", LOOP_AT_REST, call="epoll_wait", moves=True),
        held=[canned.point("", "a", f"one {APP}:5", task="T1"), canned.point("", "b", f"two {APP}:9", task="T2")],
        wanted=[
            canned.point("", "b", f"one {APP}:6", task="T1", kind="asyncio.Lock"),
            canned.point("", "a", f"two {APP}:10", task="T2", kind="asyncio.Lock"),
        ],
    )
    assert diagnose(seen).verdict == "lock-deadlock"


def test_a_thread_that_takes_its_own_lock_again_waits_for_itself() -> None:
    seen = evidence(
        MAIN,
        Thread("Thread-2", (f"add {APP}:12", *REQUEST), call="futex", tid=11),
        held=[canned.point("Thread-2", "a", f"outer {APP}:5", tid=11)],
        wanted=[canned.point("Thread-2", "a", f"add {APP}:12", tid=11)],
    )
    found = diagnose(seen)
    assert found.verdict == "lock-deadlock"
    assert "holds itself" in found.findings[0].summary


def test_an_rlock_taken_again_by_its_owner_is_no_deadlock() -> None:
    seen = evidence(
        MAIN,
        Thread("Thread-2", (f"add {APP}:12", *REQUEST), call="futex", tid=11),
        held=[canned.point("Thread-2", "a", f"outer {APP}:5", tid=11, kind="RLock")],
        wanted=[canned.point("Thread-2", "a", f"add {APP}:12", tid=11, kind="RLock")],
        health="well",
    )
    assert diagnose(seen).verdict == "healthy"


def test_a_lock_and_the_only_place_of_a_semaphore_make_a_deadlock_too() -> None:
    office = Thread("office", (f"job {APP}:14", f"reserve {APP}:36", *REQUEST), call="futex", tid=11)
    printer = Thread("printer", (f"label {APP}:50", f"print_all {APP}:44", *STARTED), call="futex", tid=12)
    held = [
        canned.point("office", "plan", f"reserve {APP}:36", tid=11, kind="RLock"),
        canned.point("printer", "slot", f"print_all {APP}:44", tid=12, kind="Semaphore"),
    ]
    wanted = [
        canned.point("office", "slot", f"job {APP}:14", tid=11, kind="Semaphore"),
        canned.point("printer", "plan", f"label {APP}:50", tid=12, kind="RLock"),
    ]
    verdict, line = said(evidence(MAIN, office, printer, held=held, wanted=wanted))
    assert verdict == "lock-deadlock" and line in (14, 50)
    # Somebody else has a place as well, and may give it back.
    other = canned.point("Thread-9", "slot", f"print_one {APP}:60", tid=13, kind="Semaphore")
    works = Thread("Thread-9", (f"print_one {APP}:60", *REQUEST), call="clock_nanosleep", moves=True, tid=13)
    seen = evidence(MAIN, office, printer, works, held=[*held, other], wanted=wanted)
    assert diagnose(seen).verdict != "lock-deadlock"


def test_semaphores_of_one_place_each_make_a_ring_and_those_of_one_pool_do_not() -> None:
    def mover(number: int, holds: str, wants: str) -> tuple[Thread, LockPoint, LockPoint]:
        name, tid = f"move-{number}", 10 + number
        thread = Thread(name, (f"acquire {LIB}/threading.py:507", f"move {APP}:21", *REQUEST), call="futex", tid=tid)
        held = canned.point(name, holds, f"move {APP}:19", tid=tid, kind="Semaphore")
        return thread, held, canned.point(name, wants, f"move {APP}:21", tid=tid, kind="Semaphore")

    def seen(*movers: tuple[Thread, LockPoint, LockPoint], health: str = "hung") -> Evidence:
        threads, held, wanted = zip(*movers, strict=True)
        return evidence(MAIN, *threads, held=held, wanted=wanted, health=health)

    ring = (mover(1, "a", "b"), mover(2, "b", "c"), mover(3, "c", "a"))
    assert said(seen(*ring)) == ("lock-deadlock", 21)
    assert diagnose(seen(*ring, health="well")).verdict == "healthy"
    assert diagnose(seen(mover(1, "pool", "pool"), mover(2, "pool", "pool"))).verdict == "pool-exhausted"


def test_a_librarys_worker_that_waits_on_a_bell_of_its_own_is_no_deadlock() -> None:
    bell = (f"wait {SITE}/somelib/_threading.py:36", f"_loop {SITE}/somelib/pool.py:90", *STARTED)
    place = f"wait {SITE}/somelib/_threading.py:36"
    seen = evidence(
        Thread("MainThread", (f"flush {APP}:15", *IN_LOOP), call="flock"),
        Thread("Worker-1", bell, call="futex", tid=11),
        held=[canned.point("Worker-1", "bell", place, tid=11)],
        wanted=[canned.point("Worker-1", "bell", place, tid=11)],
    )
    assert said(seen) == ("event-loop-blocked", 15)


def test_a_queue_that_is_filled_when_it_is_made_is_a_pool() -> None:
    source = "\n".join(
        (
            "class Directory:",
            "    def __init__(self):",
            "        self.idle = queue.LifoQueue()",
            "        for _ in range(4):",
            "            self.idle.put(Session())",
            "    def take(self):",
            "        return self.idle.get()",
        )
    )
    takes = (f"wait {LIB}/threading.py:327", f"get {LIB}/queue.py:171", f"take {APP}:7", *REQUEST)
    seen = evidence(MAIN, Thread("Thread-2", takes, call="futex", tid=11), source=source)
    assert said(seen) == ("pool-exhausted", 7)
    mailbox = source.replace("self.idle.put(Session())", "pass")
    assert diagnose(evidence(MAIN, Thread("Thread-2", takes, call="futex"), source=mailbox)).verdict == "await-never"


def test_our_own_question_may_be_the_first_victim() -> None:
    """The pool was emptied by requests that are long over: nobody waits before we ask."""
    source = "\n".join(
        (
            "class Directory:",
            "    def __init__(self):",
            "        self.idle = queue.LifoQueue()",
            "        self.idle.put(Session())",
            "    def take(self):",
            "        return self.idle.get()",
        )
    )
    waits = (f"wait {LIB}/threading.py:327", f"get {LIB}/queue.py:171", f"take {APP}:6", *REQUEST)
    rests = (f"wait {LIB}/threading.py:327", f"handler_thread {SITE}/waitress/task.py:71", *STARTED)
    ours = Thread("waitress-2", (rests, waits, waits, waits, waits), call="futex", tid=11, asleep=1.5, moves=True)
    assert said(evidence(MAIN, ours, source=source)) == ("pool-exhausted", 6)


def test_a_lock_that_was_never_given_back_is_told() -> None:
    seen = evidence(
        MAIN,
        Thread("Thread-2", (f"add {APP}:12", *REQUEST), call="futex", tid=11),
        wanted=[canned.point("Thread-2", "a", f"add {APP}:12", tid=11)],
    )
    found = diagnose(seen)
    assert found.verdict == "lock-deadlock"
    assert "never given back" in found.findings[0].summary


def test_a_convoy_names_what_its_holder_does_not_where_the_queue_stands() -> None:
    seen = evidence(
        MAIN,
        Thread("v1", (f"flush {APP}:20", f"touch {APP}:24", *REQUEST), call="clock_nanosleep", moves=True, tid=11),
        *(Thread(f"v{n}", (f"touch {APP}:24", *REQUEST), call="futex", moves=True, tid=10 + n) for n in range(2, 8)),
        held=[canned.point("v1", "m", f"touch {APP}:24", tid=11)],
        wanted=[canned.point(f"v{n}", "m", f"touch {APP}:24", tid=10 + n) for n in range(2, 8)],
    )
    assert said(seen) == ("lock-convoy", 20)


def test_hundreds_that_queue_for_a_lock_are_a_convoy_and_no_leak() -> None:
    queue = [Thread(f"v{n}", (f"touch {APP}:24", *STARTED), call="futex", tid=10 + n) for n in range(2, 202)]
    seen = evidence(
        MAIN,
        Thread("v1", (f"flush {APP}:20", f"touch {APP}:25", *STARTED), call="clock_nanosleep", tid=11),
        *queue,
        held=[canned.point("v1", "m", f"touch {APP}:25", tid=11)],
        wanted=[canned.point(f"v{n}", "m", f"touch {APP}:24", tid=10 + n) for n in range(2, 202)],
    )
    assert said(seen) == ("lock-convoy", 20)


def test_a_lock_without_a_holder_is_a_guess_where_not_all_threads_could_be_read() -> None:
    seen = evidence(
        MAIN,
        *(Thread(f"v{n}", (f"touch {APP}:24", *REQUEST), call="futex", tid=10 + n) for n in range(2, 8)),
        wanted=[canned.point(f"v{n}", "m", f"touch {APP}:24", tid=10 + n) for n in range(2, 8)],
    )
    assert diagnose(seen).findings[0].certainty == "likely"
    found = diagnose(replace(seen, tasks=(TaskLook(PID, 0.5, "3.11", unread=True),)))
    assert (found.verdict, found.findings[0].certainty) == ("lock-deadlock", "guess")
    assert "never given back" not in found.findings[0].summary


def test_an_idle_loop_with_a_suspended_request_awaits_what_is_never_set() -> None:
    waiting = Task(
        PID,
        1,
        "Task-9",
        tuple(
            map(
                canned.frame,
                (
                    f"run_asgi {SITE}/uvicorn/protocols/http/h11_impl.py:411",
                    f"gate {APP}:24",
                    f"Event.wait {LIB}/asyncio/locks.py:213",
                ),
            )
        ),
        request="GET /health",
    )
    found = diagnose(evidence(Thread("MainThread", LOOP_AT_REST, call="epoll_wait", moves=True), tasks=[waiting]))
    assert (found.verdict, found.findings[0].culprit and found.findings[0].culprit.line) == ("await-never", 24)
    assert found.request == "GET /health"


def test_a_task_that_reads_from_a_peer_waits_outside() -> None:
    reading = Task(
        PID,
        1,
        "Task-9",
        tuple(
            map(
                canned.frame,
                (
                    f"run_asgi {SITE}/uvicorn/protocols/http/h11_impl.py:411",
                    f"price {APP}:24",
                    f"StreamReader.readline {LIB}/asyncio/streams.py:540",
                ),
            )
        ),
    )
    seen = evidence(
        Thread("MainThread", LOOP_AT_REST, call="epoll_wait", moves=True),
        tasks=[reading],
        connections=[canned.upstream()],
    )
    found = diagnose(seen)
    assert found.verdict == "external-wait"
    assert found.findings[0].peer == "10.0.0.5:5432"


def test_a_pool_whose_every_thread_waits_is_exhausted() -> None:
    stuck = (f"wait {LIB}/threading.py:327", f"get {LIB}/queue.py:171", f"next_report {APP}:14", *POOLED)
    seen = evidence(
        Thread("MainThread", LOOP_AT_REST, call="epoll_wait", moves=True),
        *(Thread("AnyIO worker thread", stuck, call="futex") for _ in range(40)),
    )
    assert said(seen) == ("pool-exhausted", 14)


LEAKY = """
def peek():
    conn = pool.get()
    return conn.ask()


def query():
    conn = pool.get()
    try:
        return conn.ask()
    finally:
        pool.put(conn)
"""


def test_an_empty_pool_names_who_takes_and_does_not_give_back() -> None:
    stuck = (f"wait {LIB}/threading.py:327", f"get {LIB}/queue.py:171", f"query {APP}:8", *REQUEST)
    assert said(evidence(MAIN, Thread("Thread-9", stuck, call="futex"), source=LEAKY)) == ("pool-exhausted", 3)


def test_a_full_accept_queue_of_a_working_server_is_the_cause() -> None:
    busy = Thread("MainThread", (f"print_label {APP}:20", *REQUEST), call="clock_nanosleep", moves=True)
    assert said(evidence(busy, queue=4, backlog=3)) == ("accept-backlog-full", 20)


FD_SOURCE = """
def render():
    template = os.open(__file__, os.O_RDONLY)
    return os.read(template, 10)


def page():
    with open("page") as file:
        return file.read()
"""


def test_no_descriptor_left_tells_what_they_are_and_who_opens_them() -> None:
    spins = Thread("MainThread", (f"_handle_request_noblock {LIB}/socketserver.py:312", *canned.SERVES), state="R")
    files = [canned.Descriptor(PID, n, "file", "/srv/shop/page.html", None, False) for n in range(1020)]
    seen = evidence(spins, descriptors=files, open_files=1024, source=FD_SOURCE)
    found = diagnose(seen)
    assert said(seen) == ("fd-exhausted", 3)
    assert "1020 × /srv/shop/page.html" in found.findings[0].summary


def test_memory_that_rises_look_after_look_is_a_leak_and_names_what_grows() -> None:
    memory = [(40 + 3 * n) << 20 for n in range(12)]
    source = "\ndef ingest():\n    REPLAY.append(event)\n"
    seen = evidence(Thread("MainThread", AT_REST, call="poll", moves=True), memory=memory, health="well", source=source)
    kept = Container("server.REPLAY", "REPLAY", APP, "list", 100, 20 << 20, 1)
    seen = replace(
        seen,
        tasks=(
            TaskLook(PID, 0.5, "3.11", containers=(kept,)),
            TaskLook(PID, 4.5, "3.11", containers=(replace(kept, length=180, size=40 << 20),)),
        ),
    )
    found = diagnose(seen)
    assert said(seen) == ("memory-leak", 3)
    assert "server.REPLAY grew from 100 to 180" in found.findings[0].summary


def test_one_huge_thing_that_a_request_made_is_a_step() -> None:
    source = "\ndef build():\n    return b''.join(parts())\n\n\ndef export():\n    last['all'] = build()\n"
    seen = evidence(
        Thread("MainThread", AT_REST, call="poll", moves=True), memory=[600 << 20] * 5, health="well", source=source
    )
    kept = Container("server.last", "last", APP, "dict", 1, 560 << 20, 1)
    assert said(replace(seen, tasks=(TaskLook(PID, 0.5, "3.11", containers=(kept,)),))) == ("memory-step", 3)


def test_what_is_loaded_at_the_start_is_no_step() -> None:
    source = "\ndef load():\n    global MODEL\n    MODEL = read()\n\n\nload()\n"
    seen = evidence(
        Thread("MainThread", AT_REST, call="poll", moves=True), memory=[600 << 20] * 5, health="well", source=source
    )
    kept = Container("server.MODEL", "MODEL", APP, "bytes", 1, 560 << 20, 1)
    assert diagnose(replace(seen, tasks=(TaskLook(PID, 0.5, "3.11", containers=(kept,)),))).verdict == "healthy"


def test_a_child_that_writes_into_a_pipe_nobody_reads_blames_the_parents_wait() -> None:
    parent = (
        f"_try_wait {LIB}/subprocess.py:2004",
        f"wait {LIB}/subprocess.py:1264",
        f"list_archive {APP}:14",
        *REQUEST,
    )
    seen = evidence(
        Thread("MainThread", parent, call="wait4"),
        Thread("python", ("<module> <string>:1",), call="write", descriptor=1, pid=200, tid=200),
        processes=[process(), process(200, PID, ("python", "-c", "print()"))],
        descriptors=[canned.pipe(200, 1, 900, PID, writable=True)],
    )
    assert said(seen) == ("child-pipe-full", 14)


def test_parent_and_child_in_write_to_each_other_are_a_deadlock_of_pipes() -> None:
    seen = evidence(
        Thread("Thread-3", (f"translate {APP}:18", *REQUEST), call="write", descriptor=5),
        Thread("python", ("answer /srv/shop/sidecar.py:10",), call="write", descriptor=1, pid=200, tid=200),
        processes=[process(), process(200, PID, ("python", "sidecar.py"))],
        descriptors=[canned.pipe(PID, 5, 901, 200, writable=True), canned.pipe(200, 1, 902, PID, writable=True)],
    )
    assert said(seen) == ("stdio-ipc-deadlock", 18)


def test_a_child_that_does_not_end_is_waited_for() -> None:
    parent = (f"_try_wait {LIB}/subprocess.py:2004", f"wait {LIB}/subprocess.py:1264", f"convert {APP}:14", *REQUEST)
    seen = evidence(
        MAIN, Thread("Thread-3", parent, call="wait4"), processes=[process(), process(200, PID, ("sleep", "3600"))]
    )
    assert said(seen) == ("child-wait", 14)


DB_SOURCE = """
def import_stock():
    db.execute('BEGIN IMMEDIATE')
    approved.wait()


def beat():
    db.execute('UPDATE beat')
"""


def test_a_writer_that_waits_inside_its_transaction_keeps_the_database() -> None:
    seen = evidence(
        Thread("MainThread", (f"beat {APP}:8", *IN_LOOP), call="clock_nanosleep", moves=True),
        Thread("importer", (f"wait {LIB}/threading.py:327", f"import_stock {APP}:4", *STARTED), call="futex"),
        source=DB_SOURCE,
    )
    seen = replace(
        seen, file_locks=(FileLock("/srv/shop/stock.db", PID, "python server.py", "POSIX", True, 0x40000001),)
    )
    assert said(seen) == ("db-locked", 4)


def test_a_stranger_that_keeps_the_database_is_named() -> None:
    seen = evidence(
        MAIN, Thread("Thread-3", (f"beat {APP}:8", *REQUEST), call="clock_nanosleep", moves=True), source=DB_SOURCE
    )
    seen = replace(
        seen, file_locks=(FileLock("/srv/shop/stock.db", 999, "sqlite3 stock.db", "POSIX", True, 0x40000001),)
    )
    found = diagnose(seen)
    assert said(seen) == ("db-locked", 8)
    assert "sqlite3 stock.db" in found.findings[0].summary


def test_an_import_that_waits_for_its_own_thread_is_told_at_the_modules_line() -> None:
    importing = (
        f"join {LIB}/threading.py:1119",
        "<module> /srv/shop/rules.py:16",
        "exec_module <frozen importlib._bootstrap>:936",
        f"rules {APP}:13",
        *REQUEST,
    )
    waiting = ("acquire <frozen importlib._bootstrap>:120", "check /srv/shop/rules.py:9", *STARTED)
    seen = evidence(MAIN, Thread("Thread-3", importing, call="futex"), Thread("check", waiting, call="futex"))
    assert said(seen) == ("import-lock", 16)


def test_a_forked_child_that_waits_for_a_lock_of_its_parent() -> None:
    seen = evidence(
        Thread("MainThread", (f"convert {APP}:31", *REQUEST), call="wait4"),
        Thread("MainThread", (f"count {APP}:15", f"convert {APP}:29", *REQUEST), call="futex", pid=200, tid=200),
        processes=[process(threads=3), process(200, PID, forked=True)],
    )
    assert said(seen) == ("fork-lock", 15)


def test_ended_children_that_nobody_reaps_are_counted() -> None:
    seen = evidence(MAIN, health="well", source="\ndef send_mail():\n    pid = os.fork()\n")
    seen = replace(seen, zombies=tuple(process(300 + n, PID, state="Z") for n in range(20)))
    assert said(seen) == ("zombie-parent", 3)


CRASH = """Traceback (most recent call last):
  File "/srv/shop/server.py", line 40, in <module>
    main()
  File "/srv/shop/server.py", line 22, in load
    return json.load(handle)["offset"]
  File "/usr/lib/python3.11/json/decoder.py", line 353, in raw_decode
    obj, end = self.scan_once(s, idx)
json.decoder.JSONDecodeError: Expecting ',' delimiter: line 1 column 14 (char 13)
"""


def test_a_server_that_dies_again_and_again_tells_its_period_and_its_last_words() -> None:
    seen = evidence(MAIN, health="well", log=CRASH * 4)
    seen = replace(seen, exits=tuple(Exit(5000.0 + n, PID, lifetime=2.7, source="watched") for n in range(2)))
    found = diagnose(seen)
    assert said(seen) == ("crash-loop", 22)
    assert "2.7s" in found.findings[0].summary
    assert "JSONDecodeError" in found.findings[0].summary
    assert found.advice == "call-a-person"


LAUNCHER = """
def run(port):
    script = candidates()[0]
    command = [sys.executable, script, "--port", port]
    while True:
        child = subprocess.Popen(command)
        child.wait()
"""


def test_another_program_on_the_port_blames_the_line_that_chose_it() -> None:
    waits = (f"wait {LIB}/subprocess.py:1264", f"run {APP}:7", f"<module> {APP}:90")
    seen = evidence(
        Thread("MainThread", waits, call="wait4"),
        processes=[process(cmdline=("python", "launcher.py")), process(200, PID, ("python", "v1.py"))],
        health="well",
        source=LAUNCHER,
        configured=Configured(cmdline=("v2.py",), port=8000),
    )
    found = diagnose(replace(seen, strangers=(process(200, PID, ("python", "v1.py")),)))
    assert (found.verdict, found.advice) == ("wrong-program", "fix-config")
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.line == 3


def test_a_fork_that_outlived_its_server_keeps_the_port() -> None:
    left = (f"copy_files {APP}:12", *REQUEST)
    seen = evidence(
        Thread("Thread-3", left, call="clock_nanosleep", moves=True),
        processes=[process(parent=1, session=80)],
        role="orphan",
    )
    assert said(seen) == ("port-squatter", 12)


HANDLER = """
import signal


def on_term(number, frame):
    server.shutdown()


signal.signal(signal.SIGTERM, on_term)
"""


def test_a_handler_that_waits_for_the_loop_it_interrupted_ignores_sigterm() -> None:
    calls = (f"wait {LIB}/threading.py:327", f"shutdown {LIB}/socketserver.py:252", f"on_term {APP}:6", *AT_REST)
    assert said(evidence(Thread("MainThread", calls, call="futex"), source=HANDLER)) == ("ignores-sigterm", 6)


def test_a_thread_that_keeps_the_interpreter_from_ending_is_named() -> None:
    ending = (f"_wait_for_tstate_lock {LIB}/threading.py:1139", f"_shutdown {LIB}/threading.py:1554")
    keeps = (f"recv_forever {APP}:12", *STARTED)
    seen = evidence(Thread("MainThread", ending, call="futex"), Thread("reader", keeps, call="recvfrom"))
    assert said(seen) == ("ignores-sigterm", 12)


GROWS = """
def ask(text):
    TURNS.append(text)
    return build(text)


def build(text):
    score = 0
    for said in TURNS:
        score += overlap(said, text)
    return score
"""


def test_answers_that_take_long_over_what_only_grows_get_slower() -> None:
    calls = (f"overlap {APP}:30", f"build {APP}:10", *IN_LOOP)
    assert said(evidence(Thread("MainThread", calls, state="R", gil=True), health="slow", source=GROWS)) == (
        "slow-degradation",
        10,
    )


def test_a_line_that_is_no_json_kills_the_reader_of_a_sidecar() -> None:
    log = CRASH.replace("in load", "in read_answers")
    waits = (f"wait {LIB}/threading.py:327", f"get {LIB}/queue.py:171", f"ask {APP}:30", *REQUEST)
    seen = evidence(
        MAIN,
        Thread("Thread-3", waits, call="futex"),
        processes=[process(), process(200, PID, ("python", "sidecar.py"))],
        descriptors=[canned.pipe(PID, 5, 901, 200)],
        log=log,
    )
    assert said(seen) == ("stdin-json-garbage", 22)


def test_a_memory_error_at_the_end_is_a_death_by_memory() -> None:
    gone = evidence(
        health="refused",
        log=CRASH.replace(
            "json.decoder.JSONDecodeError: Expecting ',' delimiter: line 1 column 14 (char 13)", "MemoryError"
        ),
    )
    assert said(nobody(gone)) == ("oom-killed", 22)


def test_a_kill_near_the_limit_is_a_death_by_memory() -> None:
    gone = nobody(evidence(health="refused", configured=Configured(port=8000, memory_limit=1 << 30)))
    gone = replace(gone, exits=(Exit(4999.0, 90, signal=9, lifetime=900.0, peak_rss=1000 << 20, source="shim"),))
    assert diagnose(gone).verdict == "oom-killed"


def test_a_bare_sigkill_is_not_put_down_to_memory() -> None:
    gone = nobody(evidence(health="refused"))
    gone = replace(gone, exits=(Exit(4999.0, 90, signal=9, lifetime=900.0, peak_rss=50 << 20, source="shim"),))
    assert diagnose(gone).verdict == "not-running"


def test_no_process_tells_the_last_traceback() -> None:
    assert said(nobody(evidence(health="refused", log=CRASH))) == ("not-running", 22)


def test_an_end_right_after_the_start_is_a_failed_start() -> None:
    gone = nobody(evidence(health="refused", log=CRASH))
    gone = replace(gone, exits=(Exit(4999.0, 90, code=1, lifetime=0.4, source="shim"),))
    assert said(gone) == ("start-failed", 22)


def nobody(seen: Evidence) -> Evidence:
    return replace(seen, tree=None, looks=(), stacks=(), listeners=(), python=())


def test_a_full_disk_blames_who_tries_to_write_not_who_waits_behind() -> None:
    seen = evidence(
        MAIN,
        Thread("Thread-3", (f"append {APP}:21", *REQUEST), call="clock_nanosleep", moves=True, tid=11),
        Thread("Thread-4", (f"append {APP}:15", *REQUEST), call="futex", tid=12),
        Thread("Thread-5", (f"append {APP}:15", *REQUEST), call="futex", tid=13),
        held=[canned.point("Thread-3", "m", f"append {APP}:15", tid=11)],
        wanted=[
            canned.point("Thread-4", "m", f"append {APP}:15", tid=12),
            canned.point("Thread-5", "m", f"append {APP}:15", tid=13),
        ],
        descriptors=[canned.Descriptor(PID, 3, "file", "/var/journal", None, True)],
    )
    disk = DiskLook("/var/journal", "/var", 0, 1 << 20, 100)
    seen = replace(seen, machine=machine(disks=(disk,)))
    assert said(seen) == ("disk-full", 21)


def test_a_starved_machine_is_not_the_servers_fault() -> None:
    seen = replace(evidence(replace(MAIN, state="D")), machine=machine(pressure=(("memory.full.avg10", 45.0),)))
    found = diagnose(seen)
    assert (found.verdict, found.advice) == ("host-starved", "wait")


def machine(**more: object) -> MachineLook:
    return replace(MachineLook(0.0, 2, (1.0, 1.0, 1.0), 8 << 30, 4 << 30, None, None, 0, 0), **more)  # type: ignore[arg-type]


def test_what_is_no_python_server_is_told_from_outside() -> None:
    seen = replace(evidence(processes=[process(cmdline=("redis-server",))], queue=3), python=())
    found = diagnose(seen)
    assert found.verdict == "not-python"
    assert "3 connections wait" in found.findings[0].summary


@pytest.mark.parametrize("health", ["well", "slow"])
def test_an_answering_server_is_healthy(health: str) -> None:
    assert diagnose(evidence(MAIN, health=health)).verdict == {"well": "healthy", "slow": "healthy-but-slow"}[health]


def test_every_cause_is_said_by_some_rule_or_by_none_of_them() -> None:
    """A word that no rule can say would be a promise that nobody keeps."""
    import inspect

    texts = "".join(inspect.getsource(inspect.getmodule(rule)) for rule in RULES)  # type: ignore[arg-type]
    unsaid = {word for word in CAUSES if f'"{word}"' not in texts}
    assert unsaid <= {"unknown"}
