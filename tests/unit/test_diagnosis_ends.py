"""When earlier ends of a server are a crash loop: short lives in a row, ended by themselves, and not outlived."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import evidence

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Exit, Gap

BEGUN = 4000.0  # when the present server started
CRASHED = Exit(BEGUN, 80, code=1, lifetime=3.0, source="shim")
ABORTED = replace(CRASHED, code=None, signal=6)
KILLED = replace(CRASHED, code=None, signal=9)
ENDED_BY_WD = replace(KILLED, by_wd=True)
ASKED_TO_END = replace(CRASHED, code=None, signal=15)
LONG = replace(CRASHED, lifetime=900.0)
UNKNOWN = replace(CRASHED, code=None, lifetime=None)


def causes(*ends: Exit, age: float, gaps: tuple[Gap, ...] = ()) -> list[str]:
    """What is said of a server of this age with these ends before it."""
    seen = evidence(processes=[canned.process(started=BEGUN)], health="well")
    found = diagnose(replace(seen, exits=ends, taken=BEGUN + age, gaps=gaps))
    return [one.cause for one in found.findings]


@pytest.mark.parametrize("end", [CRASHED, ABORTED], ids=["exit", "abort"])
def test_three_short_lives_that_ended_by_themselves_are_a_crash_loop(end: Exit) -> None:
    assert "crash-loop" in causes(end, end, end, age=1.0)


def test_kills_count_where_they_may_come_from_the_kernel() -> None:
    by_kernel = Exit(BEGUN, 80, signal=9, source="kernel")
    assert "crash-loop" not in causes(KILLED, KILLED, KILLED, age=1.0)
    assert "crash-loop" in causes(KILLED, KILLED, KILLED, by_kernel, age=1.0)
    assert "crash-loop" in causes(KILLED, KILLED, KILLED, age=1.0, gaps=(Gap("kernel log", "no right to read it"),))


def test_an_end_of_which_nobody_knows_how_neither_counts_nor_breaks_the_row() -> None:
    assert "crash-loop" in causes(CRASHED, CRASHED, UNKNOWN, CRASHED, age=1.0)
    assert "crash-loop" not in causes(UNKNOWN, UNKNOWN, UNKNOWN, age=1.0)


@pytest.mark.parametrize("end", [ENDED_BY_WD, ASKED_TO_END], ids=["by wd", "asked"])
def test_what_wd_or_a_person_ended_is_no_crash(end: Exit) -> None:
    assert "crash-loop" not in causes(end, end, end, age=1.0)


@pytest.mark.parametrize("end", [LONG, ENDED_BY_WD, ASKED_TO_END], ids=["long", "by wd", "asked"])
def test_crashes_before_another_kind_of_end_are_over(end: Exit) -> None:
    assert "crash-loop" not in causes(CRASHED, CRASHED, CRASHED, end, CRASHED, age=1.0)


def test_a_server_that_has_outlived_its_crashes_is_out_of_the_loop() -> None:
    assert "crash-loop" in causes(CRASHED, CRASHED, CRASHED, age=6.0)
    assert "crash-loop" not in causes(CRASHED, CRASHED, CRASHED, age=60.0)


def test_what_wd_ended_near_its_memory_limit_did_not_die_by_memory() -> None:
    gone = replace(evidence(health="refused"), tree=None, looks=(), stacks=(), listeners=(), python=())
    full = replace(KILLED, lifetime=900.0, peak_rss=1000 << 20)
    limited = replace(gone, configured=replace(gone.configured, memory_limit=1 << 30))
    assert diagnose(replace(limited, exits=(full,))).verdict == "oom-killed"
    assert diagnose(replace(limited, exits=(replace(full, by_wd=True),))).verdict == "not-running"


def test_what_wd_ended_right_after_its_start_has_not_failed_to_start() -> None:
    gone = replace(evidence(health="refused"), tree=None, looks=(), stacks=(), listeners=(), python=())
    assert diagnose(replace(gone, exits=(CRASHED,))).verdict == "start-failed"
    assert diagnose(replace(gone, exits=(replace(CRASHED, by_wd=True),))).verdict == "not-running"
