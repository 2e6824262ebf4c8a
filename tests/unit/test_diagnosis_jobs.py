"""A server that nobody can ask: what its threads do decides, and as many healthy ones are here as ill ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import APP, LIB, PID, SITE, STARTED, Thread, evidence, process, socket_descriptor, source_file, upstream

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Configured, Evidence, Exit, Gap, PeerLook, TaskLook
from watchdog.model.finding import Diagnosis

CHILD = PID + 1
ENTRY = (f"main {SITE}/celery/__main__.py:15", "<module> /srv/venv/bin/celery:8")
CONSUMES = (f"poll {SITE}/kombu/utils/eventio.py:86", f"start {SITE}/celery/bootsteps.py:116", *ENTRY)
AT_QUEUE = (f"_recv {SITE}/billiard/connection.py:425", f"workloop {SITE}/billiard/pool.py:357", *ENTRY)
JOB = (f"trace_task {SITE}/celery/app/trace.py:479", f"workloop {SITE}/billiard/pool.py:362", *ENTRY)
TIMER = (
    f"wait {LIB}/threading.py:320",
    f"_main_loop {SITE}/apscheduler/schedulers/blocking.py:30",
    f"<module> {APP}:9",
)

ENDLESS = "def spin():\n    while True:\n        pass\n"
WAITS_FOR_FLAG = "def spin(done):\n    while not done:\n        pass\n"
ENDS = "def spin(rows):\n    while True:\n        if not rows:\n            break\n        rows = rows[1:]\n"
COUNTS = "def spin(rows):\n    for row in rows:\n        row.price += 1\n"


def portless(*threads: Thread, **more: object) -> Evidence:
    """Without a port, a health address and a question."""
    seen = evidence(*threads, health="none", configured=Configured(), **more)  # type: ignore[arg-type]
    return replace(seen, listeners=(), seconds=20.0)


def celery(*child: str, state: str = "S", call: str = "read", **more: object) -> Evidence:
    """A master that waits for its broker, and one child with these calls."""
    master = Thread("MainThread", CONSUMES, call="epoll_wait", moves=True)
    return portless(
        master,
        Thread("MainThread", child, state=state, call=call, pid=CHILD, tid=CHILD),
        processes=[process(), process(CHILD, parent=PID)],
        **more,
    )


def first(seen: Evidence) -> tuple[str, int | None, int | None, str]:
    """Verdict, guilty line and process, advice."""
    found = diagnose(seen)
    culprit = found.findings[0].culprit
    return found.verdict, culprit.line if culprit else None, culprit.pid if culprit else None, found.advice


def summary(found: Diagnosis) -> str:
    return found.findings[0].summary


def test_a_worker_at_its_queue_is_healthy_and_the_broker_is_named() -> None:
    seen = celery(*AT_QUEUE, connections=[upstream("10.0.0.5:6379")])
    found = diagnose(seen)
    assert found.verdict == "healthy"
    assert "next job at its queue (10.0.0.5:6379)" in summary(found)


def ends_often(seen: Evidence, *pids: int) -> Evidence:
    """Each of these processes was seen to end after a second."""
    return replace(seen, exits=tuple(Exit(5000.0 + pid, pid, lifetime=1.0, source="watched") for pid in pids))


def test_short_children_of_a_scheduler_without_a_port_are_its_jobs() -> None:
    seen = portless(Thread("MainThread", TIMER, call="futex"))
    assert diagnose(ends_often(seen, CHILD, CHILD + 1, CHILD + 2)).verdict == "healthy"


@pytest.mark.parametrize(("dies", "fault"), [("python", True), ("sleep", False)])
def test_a_program_without_a_port_that_its_launcher_starts_again_and_again_dies_in_a_loop(
    dies: str, fault: bool
) -> None:
    launcher = process(cmdline=("sh", "run_worker.sh"))
    seen = replace(portless(processes=[launcher]), python=(CHILD, CHILD + 1) if dies == "python" else ())
    causes = [one.cause for one in diagnose(ends_often(seen, CHILD, CHILD + 1)).findings]
    assert ("crash-loop" in causes) is fault


def test_a_scheduler_between_two_jobs_is_healthy() -> None:
    found = diagnose(portless(Thread("MainThread", TIMER, call="futex")))
    assert (found.verdict, found.advice) == ("healthy", "none")
    assert "next job is due" in summary(found)


@pytest.mark.parametrize("source", [ENDLESS, WAITS_FOR_FLAG])
def test_a_job_that_never_ends_is_a_busy_loop_and_its_child_alone_is_ended(source: str) -> None:
    seen = celery(f"spin {APP}:2", *JOB, state="R", source=source)
    assert first(seen) == ("busy-loop", 2, CHILD, "restart-worker")


@pytest.mark.parametrize("source", [COUNTS, ENDS])
def test_a_job_that_moves_through_its_rows_is_at_work(source: str) -> None:
    moves = [(f"step {APP}:{line}", f"spin {APP}:3", *JOB) for line in (12, 13, 19, 30, 44)]
    seen = celery(*JOB, source=source)
    child = Thread("MainThread", moves, state="R", pid=CHILD, tid=CHILD)
    master = Thread("MainThread", CONSUMES, call="epoll_wait", moves=True)
    seen = portless(master, child, processes=[process(), process(CHILD, parent=PID)], source=source)
    assert first(seen)[0] == "healthy-busy"


def test_a_job_that_waits_for_a_silent_peer_names_the_peer_and_the_line() -> None:
    seen = celery(f"fetch {APP}:20", *JOB, call="recvfrom")
    socket = replace(socket_descriptor(), pid=CHILD)
    seen = replace(seen, descriptors=(socket,), connections=(replace(upstream(), pid=CHILD),))
    looks = tuple(
        replace(
            look,
            threads=tuple(
                replace(thread, call=replace(thread.call, descriptor=7) if thread.call else None)
                for thread in look.threads
            ),
        )
        for look in seen.looks
    )
    found = diagnose(replace(seen, looks=looks))
    assert found.verdict == "external-wait"
    assert found.findings[0].peer == "10.0.0.5:5432"
    assert found.advice == "restart-worker"


def test_a_job_that_sleeps_for_an_hour_keeps_its_place() -> None:
    seen = celery(f"nap {APP}:15", *JOB, call="clock_nanosleep")
    looks = tuple(replace(one, threads=tuple(replace(t, sleep_left=3600.0) for t in one.threads)) for one in seen.looks)
    assert first(replace(seen, looks=looks))[:3] == ("pool-exhausted", 15, CHILD)


def test_a_job_that_sleeps_for_a_moment_is_at_work() -> None:
    seen = celery(f"nap {APP}:15", *JOB, call="clock_nanosleep")
    looks = tuple(
        replace(one, threads=tuple(replace(t, sleep_left=3.0, asleep=2.0) for t in one.threads)) for one in seen.looks
    )
    assert first(replace(seen, looks=looks))[0] == "healthy-busy"


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        (PeerLook("10.0.0.5:6379", "mute"), "does not answer"),
        (PeerLook("10.0.0.5:6379", "connects", "redis-server (pid 7) (stopped)", stopped=7), "is stopped by a signal"),
        (PeerLook("10.0.0.5:6379", "refuses", named=True), "refuses connections"),
    ],
)
def test_a_broker_that_is_stopped_away_or_mute_is_named_and_no_restart_is_advised(peer: PeerLook, words: str) -> None:
    found = diagnose(replace(celery(*AT_QUEUE), peers=(peer,)))
    assert (found.verdict, found.findings[0].peer) == ("external-wait", "10.0.0.5:6379")
    assert found.advice == "call-a-person"
    assert words in summary(found)
    assert "healthy" not in [one.cause for one in found.findings]


def test_a_named_broker_that_refuses_counts_not_while_another_one_is_connected() -> None:
    seen = celery(*AT_QUEUE, connections=[upstream("10.0.0.9:6379")])
    found = diagnose(replace(seen, peers=(PeerLook("10.0.0.5:6379", "refuses", named=True),)))
    assert found.verdict == "healthy"


def test_a_child_that_reads_its_parents_lines_waits_for_its_work() -> None:
    reads = Thread("MainThread", (f"<module> {APP}:2",), call="read")
    assert first(portless(reads))[0] == "healthy"


def test_a_script_in_an_endless_empty_loop_is_a_busy_loop() -> None:
    spins = Thread("MainThread", (f"spin {APP}:2", f"<module> {APP}:9"), state="R", gil=True)
    assert first(portless(spins, source=ENDLESS))[:2] == ("busy-loop", 2)


def test_a_script_that_goes_round_and_does_something_is_at_work() -> None:
    source = "def spin():\n    while True:\n        step()\n"
    moves = [(f"step {APP}:{line}", f"spin {APP}:3", f"<module> {APP}:9") for line in (12, 13, 19, 30, 44)]
    assert first(portless(Thread("MainThread", moves, state="R", gil=True), source=source))[0] == "healthy-busy"


def test_a_script_between_two_rounds_is_healthy_and_one_that_sleeps_in_no_loop_is_a_warning() -> None:
    seen = portless(Thread("MainThread", (f"pause {APP}:3",), call="clock_nanosleep"))
    looks = tuple(replace(one, threads=tuple(replace(t, sleep_left=3000.0) for t in one.threads)) for one in seen.looks)
    rounds = source_file("def pause():\n    while True:\n        sleep(3600)\n", APP)
    once = source_file("def pause():\n    log()\n    sleep(3600)\n", APP)
    assert diagnose(replace(seen, looks=looks, sources=(rounds,))).verdict == "healthy"
    assert diagnose(replace(seen, looks=looks, sources=(once,))).verdict == "healthy-but-slow"


def test_a_thread_of_an_idle_pool_is_no_job() -> None:
    idle = Thread("pool", (f"_worker {LIB}/concurrent/futures/thread.py:81", *STARTED), call="futex")
    found = diagnose(portless(Thread("MainThread", TIMER, call="futex"), idle))
    assert found.verdict == "healthy"


GUESS = "[ERROR] Worker (pid:{}) was sent SIGKILL! Perhaps out of memory?\n"
TIMEOUT = "[CRITICAL] WORKER TIMEOUT (pid:{})\n"
SYNC = (f"handle_request {SITE}/gunicorn/workers/sync.py:184", f"run {SITE}/gunicorn/app/base.py:72")


def test_a_servers_guess_about_memory_is_no_proof() -> None:
    waits = Thread("MainThread", (f"fetch {APP}:20", *SYNC), call="futex")
    found = diagnose(evidence(waits, log=GUESS.format(7) + GUESS.format(8)))
    assert "oom-killed" not in [one.cause for one in found.findings]


def gunicorn(worker: Thread) -> Evidence:
    """A master of an hour, workers of seconds, and two time-outs in the log."""
    master = Thread("MainThread", (f"sleep {SITE}/gunicorn/arbiter.py:400", SYNC[1]), call="select")
    log = TIMEOUT.format(7) + TIMEOUT.format(8)
    young = replace(process(CHILD, parent=PID), started=4995.0)
    return evidence(master, worker, processes=[process(), young], log=log)


def test_workers_that_are_killed_at_work_again_and_again_are_a_loop_that_no_restart_ends() -> None:
    works = Thread("MainThread", (f"load {APP}:17", *SYNC), call="clock_nanosleep", moves=True, pid=CHILD, tid=CHILD)
    assert first(gunicorn(works))[::3] == ("crash-loop", "fix-config")


def test_a_pattern_that_never_ends_is_the_root_of_the_time_outs_of_its_workers() -> None:
    matches = Thread("MainThread", (f"is_slug {APP}:2", *SYNC), state="R", gil=True, pid=CHILD, tid=CHILD)
    seen = replace(gunicorn(matches), sources=(source_file("def is_slug(title):\n    return SLUG.match(title)\n"),))
    assert [one.cause for one in diagnose(seen).findings][:2] == ["gil-held-native", "crash-loop"]


def test_time_outs_of_workers_that_stand_still_are_no_loop() -> None:
    stands = Thread("MainThread", (f"load {APP}:17", *SYNC), call="futex", pid=CHILD, tid=CHILD)
    assert "crash-loop" not in [one.cause for one in diagnose(gunicorn(stands)).findings]


def test_a_lock_in_redis_that_a_library_polls_is_named_and_no_restart_is_advised() -> None:
    calls = (f"acquire {SITE}/redis/lock.py:214", f"book {APP}:20", f"dispatch_request {SITE}/flask/app.py:902")
    polls = Thread("Thread-3", (*calls, *STARTED), call="clock_nanosleep", moves=True)
    found = diagnose(evidence(Thread("MainThread", CONSUMES), polls, connections=[upstream("10.0.0.5:6379")]))
    assert (found.verdict, found.advice) == ("external-wait", "call-a-person")
    assert found.findings[0].peer == "10.0.0.5:6379"
    assert "a lock that is kept in redis" in summary(found)


def test_a_process_whose_calls_could_not_be_read_is_not_called_idle() -> None:
    seen = replace(celery(*AT_QUEUE), stacks=())
    assert diagnose(seen).verdict == "unknown"


def test_a_handler_of_another_signal_is_none_for_the_end() -> None:
    source = "import signal\ndef dump(number, frame):\n    wait()\nsignal.signal(signal.SIGUSR1, dump)\n"
    waits = Thread("MainThread", (f"dump {APP}:3", f"<module> {APP}:9"), call="futex")
    assert "ignores-sigterm" not in [one.cause for one in diagnose(evidence(waits, source=source)).findings]


@pytest.mark.parametrize(
    ("look", "verdict"),
    [
        (TaskLook(PID, 0.5, "", error="no answer within 4.5 s", unread=True), "unknown"),
        (TaskLook(PID, 0.5, "3.11", unread=True), "unknown"),
        (None, "unknown"),
        (TaskLook(PID, 0.5, "3.11"), "healthy"),
    ],
    ids=["not read", "read in part", "no answer yet", "read"],
)
def test_a_loop_at_rest_whose_tasks_were_not_all_read_is_not_called_idle(look: TaskLook | None, verdict: str) -> None:
    loop = (f"select {LIB}/selectors.py:468", f"run_forever {LIB}/asyncio/base_events.py:607", f"<module> {APP}:9")
    seen = portless(Thread("MainThread", loop, call="epoll_wait"))
    gaps = () if look else (Gap("tasks", "tasks and locks were not read in time"),)
    found = diagnose(replace(seen, tasks=(look,) if look else (), gaps=gaps))
    assert (found.verdict, found.advice) == (verdict, "wait" if verdict == "unknown" else "none")


def test_threads_at_rest_are_idle_also_where_no_memory_can_be_read() -> None:
    look = TaskLook(PID, 0.5, "", error="the memory of another process is read on Linux only")
    assert diagnose(replace(portless(Thread("MainThread", TIMER, call="futex")), tasks=(look,))).verdict == "healthy"


@pytest.mark.parametrize(("waited", "verdict"), [(30.0, "unknown"), (0.5, "healthy")])
def test_a_server_that_leaves_its_clients_in_the_queue_is_not_called_idle(waited: float, verdict: str) -> None:
    client = replace(upstream(), pid=None, inode=0, served=True, received_ago=waited)
    rests = Thread("MainThread", (f"main {APP}:9",), call="epoll_wait")
    assert diagnose(portless(rests, connections=[client])).verdict == verdict
