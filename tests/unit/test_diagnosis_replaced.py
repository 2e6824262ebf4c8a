"""Workers that are replaced by design, children that rest, memory that fills, and a child that dies unseen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import APP, PID, REQUEST, SERVES, Thread, evidence, process

from watchdog.cpython.holdings import believable
from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Answer, Container, Evidence, Exit, LogTail, MachineLook

MAIN = Thread("MainThread", ("select /usr/lib/python3.11/selectors.py:415", *SERVES), call="poll")
ENDS = tuple(Exit(5000.0 + one, 300 + one, lifetime=4.0, source="watched") for one in range(3))
TRACEBACK = """\
10:00:0{} master worker began
Traceback (most recent call last):
  File "/srv/shop/app.py", line 16, in read
    yield time(int(hour), int(minute))
ValueError: hour must be in 0..23
"""
MASTER = Thread("MainThread", (f"run {APP}:46", f"<module> {APP}:52"), call="wait4")


def replaced(log: str = "", answers: tuple[Answer, ...] = ()) -> Evidence:
    """Workers that held the port ended while the server was looked at."""
    seen = evidence(MAIN, health="well", log=log)
    held = tuple((at, replace(one, holders=(PID, *(end.pid or 0 for end in ENDS)))) for at, one in seen.listeners)
    return replace(seen, exits=ENDS, listeners=held, answers=(*seen.answers, *answers))


def test_workers_that_are_replaced_while_everybody_is_answered_are_no_crash_loop() -> None:
    assert diagnose(replaced()).verdict == "healthy"
    assert diagnose(replaced("[INFO] Worker exiting (pid: 301)\n")).verdict == "healthy"


def test_a_server_that_a_launcher_starts_again_is_not_replaced_by_design() -> None:
    seen = replaced()
    held = tuple((at, replace(one, holders=tuple(end.pid or 0 for end in ENDS))) for at, one in seen.listeners)
    assert diagnose(replace(seen, listeners=held)).verdict == "crash-loop"


def test_a_question_that_was_asked_a_moment_ago_does_not_make_a_server_ill() -> None:
    asked = Answer(1.6, "http://127.0.0.1:8000/health", "pending", 0.01)
    assert diagnose(replaced(answers=(asked,))).verdict == "healthy"


@pytest.mark.parametrize(
    "log", ["[ERROR] Worker (pid:301) was sent SIGSEGV!\n", TRACEBACK.format(1) + TRACEBACK.format(2)]
)
def test_workers_that_end_by_an_error_are_a_crash_loop_though_others_answer(log: str) -> None:
    assert diagnose(replaced(log)).verdict == "crash-loop"


@pytest.mark.parametrize(("new", "serves", "found"), [(4, False, True), (0, False, False), (4, True, False)])
def test_children_that_die_before_they_are_seen_are_told_by_the_log(new: int, serves: bool, found: bool) -> None:
    old, added = TRACEBACK.format(1) * 3, "".join(TRACEBACK.format(one) for one in range(new))
    works = [Thread("worker", (f"page {APP}:7", *REQUEST), call="recvfrom", tid=12)] if serves else []
    seen = evidence(MASTER, *works)
    log = LogTail("/srv/shop/server.log", old + added, len(old + added), grown=len(added))
    first = diagnose(replace(seen, logs=(log,))).findings[0]
    assert (first.cause == "crash-loop") == found
    assert not found or (first.culprit is not None and first.culprit.line == 16)


@pytest.mark.parametrize(("health", "cause"), [("well", "healthy"), ("hung", "stopped")])
def test_a_child_that_rests_is_no_fault_while_everybody_is_answered(health: str, cause: str) -> None:
    rests = replace(process(200, PID), state="T")
    waits = Thread(
        "see-off", ("wait /usr/lib/python3.11/subprocess.py:1264", f"see_off {APP}:22"), call="wait4", tid=12
    )
    assert diagnose(evidence(MAIN, waits, processes=[process(), rests], health=health)).verdict == cause


@pytest.mark.parametrize(("total", "cause"), [(32 << 30, "healthy"), (1 << 30, "memory-leak")])
def test_memory_that_fills_with_nothing_to_name_is_told_beside_the_answers_unless_the_limit_is_near(
    total: int, cause: str
) -> None:
    points = [(60 << 20) + one * (1 << 20) for one in range(20)]
    look = MachineLook(0.1, 2, (0.1, 0.1, 0.1), total, total, None, None, 0, 0)
    seen = replace(evidence(MAIN, health="well", memory=points), machine=look)
    first = diagnose(seen).findings[0]
    assert first.cause == cause
    assert cause != "healthy" or any("wd leak watch" in line for line in first.details)


def test_memory_of_processes_that_came_is_neither_a_leak_nor_a_step() -> None:
    new = [process(200 + one, PID, started=5000.5 + one, forked=True) for one in range(3)]
    points = [(60 << 20) + one * (20 << 20) for one in range(20)]
    seen = evidence(MAIN, processes=[process(), *new], health="well", memory=points)
    looks = tuple(one for one in seen.looks if one.process.pid == PID or one.at >= 1.8)
    assert diagnose(replace(seen, looks=looks)).verdict == "healthy"


def test_sizes_that_cannot_be_are_not_believed() -> None:
    torn = Container("app.seen", "seen", APP, "list", 1 << 43, 1 << 47, 1)
    shared = Container("app.same", "same", APP, "list", 1 << 20, 1 << 33, 2)
    true = Container("app.kept", "kept", APP, "list", 100, 1 << 22, 3)
    assert believable((torn, shared, true), 100 << 20) == (replace(shared, size=0), true)


def test_errors_that_stood_in_the_log_before_are_not_new_in_a_language_of_long_characters() -> None:
    added = "再起動しました。" * 60
    text = TRACEBACK.format(1) * 3 + added
    log = LogTail("/srv/shop/server.log", text, len(text.encode()), grown=len(added.encode()))
    assert diagnose(replace(evidence(MASTER), logs=(log,))).findings[0].cause != "crash-loop"
