"""The root comes before its victims, and a healthy server is left in peace."""

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

from watchdog.diagnosis.diagnose import diagnose, settled
from watchdog.model.causes import HEALTHY
from watchdog.model.evidence import Answer, Container, Evidence, Exit, Gap, MemoryPoint, Task, TaskLook
from watchdog.model.exits import Exit as Code

MAIN = Thread("MainThread", AT_REST, call="poll", moves=True)


def test_a_hundred_requests_behind_a_lock_are_not_the_cause_when_its_holder_waits_for_a_peer() -> None:
    seen = evidence(
        MAIN,
        Thread("first", (f"ask {APP}:30", f"buy {APP}:20", *REQUEST), call="recvfrom", descriptor=7, tid=11),
        *(Thread(f"v{n}", (f"buy {APP}:19", *REQUEST), call="futex", tid=20 + n) for n in range(100)),
        descriptors=[canned.socket_descriptor()],
        connections=[canned.upstream()],
        held=[canned.point("first", "m", f"buy {APP}:19", tid=11)],
        wanted=[canned.point(f"v{n}", "m", f"buy {APP}:19", tid=20 + n) for n in range(100)],
    )
    found = diagnose(seen)
    assert found.verdict == "external-wait"
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.line == 30
    assert "lock-convoy" in [one.cause for one in found.findings[1:]]


def test_a_pool_whose_threads_all_wait_for_one_silent_peer_is_the_victim_of_that_peer() -> None:
    stuck = (f"ask {APP}:30", *POOLED)
    seen = evidence(
        Thread("MainThread", LOOP_AT_REST, call="epoll_wait", moves=True),
        *(Thread("AnyIO worker thread", stuck, call="recvfrom", descriptor=7) for _ in range(40)),
        descriptors=[canned.socket_descriptor()],
        connections=[canned.upstream()],
    )
    found = diagnose(seen)
    assert [one.cause for one in found.findings][:2] == ["external-wait", "pool-exhausted"]


def test_a_full_accept_queue_behind_a_blocked_server_is_an_effect() -> None:
    blocked = Thread("MainThread", (f"save {APP}:16", *IN_LOOP), call="clock_nanosleep")
    found = diagnose(evidence(blocked, queue=200, backlog=128))
    assert found.verdict == "event-loop-blocked"


def test_a_stopped_process_is_stopped_whatever_its_threads_were_doing() -> None:
    calls = (f"step {APP}:30", f"total {APP}:12", *IN_LOOP)
    seen = evidence(Thread("MainThread", calls, state="T"), processes=[process(state="T")])
    assert diagnose(seen).verdict == "stopped"


def test_the_parent_that_waits_for_its_blocked_child_is_the_childs_victim() -> None:
    seen = evidence(
        Thread("MainThread", (f"convert {APP}:31", *REQUEST), call="wait4"),
        Thread("MainThread", (f"count {APP}:15", f"convert {APP}:29", *REQUEST), call="futex", pid=200, tid=200),
        processes=[process(threads=3), process(200, PID, forked=True)],
    )
    assert diagnose(seen).verdict == "fork-lock"


def idle_thread(number: int) -> Thread:
    return Thread(
        f"worker-{number}",
        (f"wait {LIB}/threading.py:327", f"get {LIB}/queue.py:171", f"consume {APP}:13", *STARTED),
        call="futex",
    )


def background_loop() -> Thread:
    return Thread("ticker", (f"tick {APP}:20", *STARTED), call="clock_nanosleep", moves=True)


def busy_in_the_background() -> Thread:
    return Thread("search", (f"is_prime {APP}:12", f"search {APP}:19", *STARTED), state="R", gil=True)


def waits_for_a_message() -> Thread:
    return Thread("listener", (f"listen {APP}:40", *STARTED), call="recvfrom", descriptor=7)


def long_poll() -> Thread:
    return Thread("Thread-9", (f"wait {LIB}/threading.py:327", f"poll {APP}:51", *REQUEST), call="futex", asleep=60.0)


@pytest.mark.parametrize(
    "threads",
    [
        [MAIN],
        [MAIN, *(idle_thread(n) for n in range(40))],
        [MAIN, background_loop()],
        [MAIN, busy_in_the_background()],
        [MAIN, waits_for_a_message()],
        [MAIN, long_poll()],
        [Thread("MainThread", LOOP_AT_REST, call="epoll_wait", moves=True)],
    ],
    ids=["idle", "consumers", "ticker", "busy", "listener", "long poll", "event loop"],
)
def test_a_server_that_answers_well_is_left_in_peace(threads: list[Thread]) -> None:
    seen = evidence(*threads, health="well", descriptors=[canned.socket_descriptor()], connections=[canned.upstream()])
    found = diagnose(seen)
    assert found.verdict in HEALTHY, found.findings[0].summary
    assert found.exit == Code.FINE


def test_suspended_tasks_of_websockets_and_consumers_are_no_trouble() -> None:
    frames = tuple(map(canned.frame, (f"consume {APP}:24", f"Queue.get {LIB}/asyncio/queues.py:158")))
    seen = evidence(
        Thread("MainThread", LOOP_AT_REST, call="epoll_wait", moves=True),
        tasks=[Task(PID, 1, "T", frames)],
        health="well",
    )
    assert diagnose(seen).verdict == "healthy"


def test_memory_that_comes_and_goes_is_no_leak() -> None:
    up_and_down = [(300 + 40 * (n % 4)) << 20 for n in range(12)]
    assert diagnose(evidence(MAIN, memory=up_and_down, health="well")).verdict == "healthy"


def test_memory_that_stops_rising_has_warmed_up() -> None:
    warmed = [(40 + min(20, 4 * n)) << 20 for n in range(20)]
    assert diagnose(evidence(MAIN, memory=warmed, health="well")).verdict == "healthy"


def test_a_big_cache_of_many_small_things_is_no_step() -> None:
    kept = Container("server.CACHE", "CACHE", APP, "dict", 4_000_000, 500 << 20, 1)
    seen = evidence(MAIN, memory=[600 << 20] * 5, health="well", source="\ndef fill():\n    CACHE[key] = row\n")
    assert diagnose(replace(seen, tasks=(TaskLook(PID, 0.5, "3.11", containers=(kept,)),))).verdict == "healthy"


def test_one_dead_child_is_no_zombie_trouble() -> None:
    seen = replace(evidence(MAIN, health="well"), zombies=(process(300, PID, state="Z"),))
    assert diagnose(seen).verdict == "healthy"


def test_a_traceback_in_the_log_of_an_answering_server_is_history() -> None:
    log = 'Traceback (most recent call last):\n  File "/srv/shop/server.py", line 3, in f\n    g()\nMemoryError\n' * 3
    assert diagnose(evidence(MAIN, health="well", log=log)).verdict == "healthy"


def test_slow_answers_within_the_limit_are_slow_and_no_fault() -> None:
    waits = Thread("Thread-3", (f"report {APP}:16", *REQUEST), call="clock_nanosleep", moves=True)
    found = diagnose(evidence(MAIN, waits, health="slow"))
    assert (found.verdict, found.exit, found.advice) == ("healthy-but-slow", Code.WARNING, "wait")


def test_an_open_question_is_not_yet_a_verdict() -> None:
    """A server that answers in three seconds looks hung for three seconds."""
    waits = Thread("Thread-3", (f"report {APP}:16", *REQUEST), call="recvfrom", descriptor=7, asleep=1.6)
    seen = evidence(
        MAIN, waits, health="pending", descriptors=[canned.socket_descriptor()], connections=[canned.upstream()]
    )
    assert not settled(seen, diagnose(seen))


def test_a_wait_that_began_long_before_the_question_is_a_verdict_at_once() -> None:
    waits = Thread("Thread-3", (f"report {APP}:16", *REQUEST), call="recvfrom", descriptor=7, asleep=600.0)
    seen = evidence(
        MAIN, waits, health="pending", descriptors=[canned.socket_descriptor()], connections=[canned.upstream()]
    )
    assert settled(seen, diagnose(seen))


def test_a_healthy_moment_is_watched_for_a_while() -> None:
    seen = evidence(MAIN, health="well")
    assert not settled(seen, diagnose(seen))
    longer = replace(seen, memory=(*seen.memory, MemoryPoint(6.5, 40 << 20)))
    assert settled(longer, diagnose(longer))


def test_a_death_under_our_eyes_keeps_us_looking() -> None:
    seen = evidence(MAIN, health="well")
    seen = replace(
        seen, memory=(*seen.memory, MemoryPoint(6.5, 40 << 20)), exits=(Exit(1.0, 90, lifetime=3.0, source="watched"),)
    )
    assert not settled(seen, diagnose(seen))


@pytest.mark.parametrize(("forked", "goes_on"), [(False, False), (True, True)])
def test_a_program_that_was_started_for_one_job_may_end_meanwhile(forked: bool, goes_on: bool) -> None:
    seen = evidence(MAIN, health="well", processes=[process(), process(90, PID, ("convert",), forked=forked)])
    seen = replace(
        seen, memory=(*seen.memory, MemoryPoint(6.5, 40 << 20)), exits=(Exit(1.0, 90, lifetime=3.0, source="watched"),)
    )
    assert settled(seen, diagnose(seen)) is not goes_on


def test_what_could_not_be_seen_is_told_with_the_command_that_would_get_it() -> None:
    seen = replace(
        evidence(MAIN), stacks=(), gaps=(Gap("stacks of 100", "no right to read it", "sudo wd why --pid 100"),)
    )
    found = diagnose(seen)
    assert found.verdict == "unknown"
    assert found.exit == Code.UNKNOWN
    assert any("sudo wd why" in line for line in found.missing)


def test_a_defect_in_one_rule_does_not_cost_the_others_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    from watchdog.diagnosis import diagnose as room

    def broken(_: object) -> list[object]:
        raise ZeroDivisionError("so it goes")

    monkeypatch.setattr(room, "RULES", (broken, *room.RULES))
    found = diagnose(evidence(Thread("MainThread", AT_REST, state="T"), processes=[process(state="T")]))
    assert found.verdict == "stopped"
    assert any("so it goes" in line for line in found.missing)


def test_no_rule_breaks_on_evidence_that_lacks_something() -> None:
    whole = evidence(MAIN, Thread("Thread-3", (f"report {APP}:16", *REQUEST), call="recvfrom", descriptor=7))
    empty: dict[str, object] = {"looks": (), "stacks": (), "answers": (), "memory": (), "listeners": (), "tree": None}
    cut = [replace(whole, **{name: value}) for name, value in empty.items()]  # type: ignore[arg-type]
    for seen in (Evidence(tree=None), *cut, *(replace(one, stacks=()) for one in cut)):
        assert not [line for line in diagnose(seen).missing if "defect" in line]


def test_the_same_trouble_has_the_same_signature_after_a_restart_and_a_small_edit() -> None:
    def hung(pid: int, line: int) -> str:
        one = Thread("MainThread", (f"save {APP}:{line}", *IN_LOOP), call="clock_nanosleep", pid=pid, tid=pid)
        return diagnose(evidence(one, processes=[process(pid)])).signature

    assert hung(100, 16) == hung(4711, 19) == "event-loop-blocked server.py:save"


def test_answers_with_an_error_tell_the_status_and_no_hang() -> None:
    seen = replace(evidence(MAIN, health="none"), answers=(Answer(0.1, "u", "failed", 0.02, 500),))
    found = diagnose(seen)
    assert found.verdict == "unknown"
    assert "500" in found.findings[0].summary


def test_a_server_that_says_not_now_works() -> None:
    seen = replace(evidence(MAIN, health="none"), answers=(Answer(0.1, "u", "failed", 0.02, 503),))
    found = diagnose(seen)
    assert (found.verdict, found.advice) == ("healthy", "wait")


def test_a_server_that_still_loads_is_given_its_time() -> None:
    seen = evidence(Thread("MainThread", (f"load {APP}:12", f"<module> {APP}:90"), state="R"), health="refused")
    seen = replace(seen, listeners=(), taken=1008.0)
    found = diagnose(seen)
    assert (found.verdict, found.advice) == ("healthy-but-slow", "wait")


def test_the_request_in_flight_is_told_without_being_asked_for_locals() -> None:
    stuck = Thread("Thread-3", (f"read_price {APP}:15", *REQUEST), call="recvfrom", descriptor=7, tid=33)
    seen = evidence(MAIN, stuck, descriptors=[canned.socket_descriptor()], connections=[canned.upstream()])
    seen = replace(seen, tasks=(TaskLook(PID, 0.5, "3.11", requests=((33, "GET /api/price"),)),))
    assert diagnose(seen).request == "GET /api/price"


def test_an_application_that_is_itself_an_installed_package_is_blamed_all_the_same() -> None:
    calls = (
        f"wait_printed {SITE}/shop/printing.py:16",
        f"app {SITE}/fastapi/routing.py:381",
        *IN_LOOP[1:-1],
        "<module> /srv/venv/bin/shop:8",
    )
    found = diagnose(evidence(Thread("MainThread", calls, call="clock_nanosleep")))
    assert found.verdict == "event-loop-blocked"
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.function == "wait_printed"


def test_one_slow_request_after_the_other_is_no_hang_of_the_one_thread() -> None:
    """Each sleeps for less than an answer may take; that they queue is the trouble."""
    calls = (f"print_label {APP}:20", f"handle {LIB}/http/server.py:436", *SERVES)
    seen = evidence(
        Thread("MainThread", calls, call="clock_nanosleep", asleep=0.4), health="pending", queue=4, backlog=3
    )
    looks = tuple(replace(one, threads=tuple(replace(t, sleep_left=1.5) for t in one.threads)) for one in seen.looks)
    assert diagnose(replace(seen, looks=looks)).verdict == "accept-backlog-full"
