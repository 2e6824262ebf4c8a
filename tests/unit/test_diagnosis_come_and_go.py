"""A worker that forks a child for each job: children that come and go are its work, and one that stays may be stuck."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import APP, PID, SITE, Thread, evidence, process

from watchdog.diagnosis.diagnose import diagnose, settled
from watchdog.model.evidence import Configured, Evidence, Gap
from watchdog.model.process import Process

WORKS = (f"execute_work_horse {SITE}/rq/worker.py:1460", f"work {SITE}/rq/worker.py:890", f"<module> {APP}:9")
JOB = (f"render {APP}:20", f"perform {SITE}/rq/job.py:1330", *WORKS)
STUCK = (f"fetch {APP}:30", f"perform {SITE}/rq/job.py:1330", *WORKS)
FIRST, SECOND, THIRD = 200, 201, 202  # children, one after the other


def horse(pid: int, *, forked: bool = True, started: float = 5000.5) -> Process:
    return process(pid, PID, forked=forked, started=started)


def worker(*horses: Process, stays: tuple[str, ...] = ()) -> Evidence:
    """The first of the children is gone after the first looks, the last begins with the last look and is not read."""
    shown = [Thread("MainThread", JOB, "R", pid=one.pid, tid=one.pid) for one in horses[:-1]]
    more = [Thread("MainThread", stays, call="recvfrom", pid=300, tid=300)] if stays else []
    seen = evidence(
        Thread("MainThread", WORKS, call="wait4"),
        *shown,
        *more,
        processes=[process(), *horses, *([horse(300, started=4000.0)] if stays else [])],
        health="none",
        configured=Configured(),
    )
    last, gone = horses[-1].pid, {one.pid for one in horses[:-1]}
    looks = [one for one in seen.looks if one.process.pid != last or one.at >= 1.8]
    looks = [one for one in looks if one.process.pid not in gone or one.at <= 0.7]
    stacks = [one for one in seen.stacks if one.pid not in gone or one.at <= 0.7]
    python = tuple({*seen.python, last})
    gap = Gap(f"stacks of {last}", "the process is gone")
    return replace(seen, looks=tuple(looks), stacks=tuple(stacks), listeners=(), python=python, gaps=(gap,))


def test_children_that_come_and_go_are_work_though_the_last_one_was_not_read() -> None:
    found = diagnose(worker(horse(FIRST), horse(SECOND), horse(THIRD)))
    assert (found.verdict, found.advice) == ("healthy-busy", "none")
    assert f"process {PID} forks a child for each piece of work" in found.findings[0].summary
    assert "2 children have ended" in found.findings[0].summary


@pytest.mark.parametrize("comes_and_goes", [True, False])
def test_work_that_is_seen_to_get_on_needs_no_longer_look(comes_and_goes: bool) -> None:
    seen = worker(horse(FIRST), horse(SECOND)) if comes_and_goes else worker(horse(FIRST, started=4000.0))
    points = tuple(replace(one, at=one.at * 2) for one in seen.memory)
    longer = replace(seen, memory=points)
    assert settled(longer, diagnose(longer)) == comes_and_goes


def test_a_child_that_stays_where_it_is_stands_out_among_those_that_come_and_go() -> None:
    found = diagnose(worker(horse(FIRST), horse(SECOND), stays=STUCK))
    assert found.verdict == "external-wait"
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.line == 30


def test_a_program_that_is_started_again_and_again_is_not_called_work() -> None:
    found = diagnose(worker(horse(FIRST, forked=False), horse(SECOND, forked=False)))
    assert found.verdict == "unknown"
