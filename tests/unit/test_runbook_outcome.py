"""How long a server was without service: from the first sign of trouble, or from the kill if there was no trouble."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from canned import process

from watchdog.model.evidence import Evidence, LogTail, ProcessLook, ThreadLook
from watchdog.model.incident import Incident, StepRecord, Trigger
from watchdog.model.open_files import Connection
from watchdog.model.probing import Sample
from watchdog.runbook.downtime import downtime


def step(name: str, begun: float, data: dict[str, Any] | None = None) -> StepRecord:
    return StepRecord(1, name, name, "ok", begun, 1.0, data=data)


PROVEN = [step("kill", 107.0), step("start", 108.0), step("verify", 109.0)]


def found(trigger: Trigger, steps: list[StepRecord], *, verdict: str = "", **known: Any) -> tuple[Any, ...]:
    incident = Incident("i", 100.0, "shop", "frozen-server", trigger)
    why = [step("why", 101.0, {"verdict": verdict, "findings": []})] if verdict else []
    down = downtime(incident, [*why, *steps], now=200.0, **known)
    return down.seconds, down.since, down.source, down.exact


def answers(text: str, begin: float = 90.0) -> tuple[Sample, ...]:
    """One a second: o is a good one, f a failure, u says nothing."""
    words = {"o": "ok", "f": "failed", "u": "unknown"}
    return tuple(Sample("health", begin + at, words[one], 0.1) for at, one in enumerate(text))  # type: ignore[arg-type]


PERSON = Trigger("person")


@pytest.mark.parametrize("verdict", ["healthy", "healthy-busy", "healthy-but-slow"])
def test_a_server_that_was_well_until_the_kill_is_down_from_the_kill_on(verdict: str) -> None:
    assert found(PERSON, PROVEN, verdict=verdict) == (3.0, 107.0, "run", True)


@pytest.mark.parametrize("kind", ["limit", "cron", "every", "trend"])
def test_a_planned_restart_is_down_from_the_kill_on_however_long_it_was_planned(kind: str) -> None:
    assert found(Trigger(kind, since=10.0), PROVEN) == (3.0, 107.0, "run", True)


def test_without_any_sign_the_time_from_the_begin_of_the_run_is_a_lower_bound() -> None:
    assert found(PERSON, PROVEN, verdict="lock-deadlock") == (10.0, 100.0, "run", False)


def test_it_is_down_from_the_first_failed_answer_after_the_last_good_one() -> None:
    assert found(PERSON, PROVEN, samples=answers("oofofufff")) == (16.0, 94.0, "probe", True)
    assert found(Trigger("probe", since=96.0), PROVEN) == (14.0, 96.0, "probe", False)
    assert found(PERSON, PROVEN, samples=answers("fff")) == (20.0, 90.0, "probe", False), "it may have failed before"


def test_a_death_is_down_from_its_moment_on_however_long_it_waited_for_its_turn() -> None:
    steps = [step("start", 150.0), step("verify", 151.0, {"back": 151.5})]
    assert found(Trigger("death", since=60.0), steps) == (91.5, 60.0, "process-state", True)


def test_the_time_ends_with_the_first_answer_and_not_with_the_watch_that_follows() -> None:
    trigger = Trigger("death", since=99.0)
    assert found(trigger, [step("restart", 101.0, {"verify": {"back": 101.5}})])[0] == 2.5


def test_a_run_whose_proof_fails_has_at_least_the_time_until_its_end() -> None:
    failed = replace(step("verify", 109.0), outcome="failed")
    trigger = Trigger("probe", since=90.0)
    assert found(trigger, [step("kill", 107.0), step("start", 108.0), failed]) == (110.0, 90.0, "probe", False)


def test_a_stop_and_a_start_by_hand_are_no_downtime() -> None:
    assert found(PERSON, [step("stop", 101.0)])[0] is None
    assert found(PERSON, [step("start", 101.0), step("verify", 102.0)])[0] is None
    assert found(PERSON, [step("why", 101.0)])[0] is None


def test_a_stopped_process_is_down_since_it_was_stopped() -> None:
    thread = ThreadLook(7, 7, "main", "T", 0.1, asleep=40.0)
    look = ProcessLook(0.0, replace(process(7), state="T"), (thread,))
    seen = Evidence(None, taken=101.0, looks=(look,))
    assert found(PERSON, PROVEN, evidence=seen) == (49.0, 61.0, "process-state", True)
    later = replace(seen, taken=150.0)
    assert found(PERSON, PROVEN, evidence=later)[2] == "run", "what was seen after the kill tells nothing"


def test_it_is_down_at_least_since_the_oldest_request_without_a_reply() -> None:
    def client(received_ago: float, sent: int = 0, sent_ago: float | None = None) -> Connection:
        return Connection(
            7, "127.0.0.1:80", "127.0.0.1:999", "ESTABLISHED", 0, 0,
            served=True, received_ago=received_ago, received=10, sent=sent, sent_ago=sent_ago,
        )  # fmt: skip

    seen = Evidence(None, taken=101.0, connections=(client(30.0), client(12.0), client(90.0, 10, 80.0)))
    assert found(PERSON, PROVEN, verdict="lock-deadlock", evidence=seen) == (39.0, 71.0, "queue", False)


def test_it_is_down_at_least_since_the_first_failed_request_in_the_log() -> None:
    text = "\n".join(
        f'127.0.0.1 - - [01/Jan/1970:00:01:{second:02} +0000] "GET / HTTP/1.1" {status} 5'
        for second, status in ((1, 500), (2, 200), (5, 502), (9, 502))
    )
    seen = Evidence(None, taken=101.0, logs=(LogTail("access.log", text),))
    assert found(PERSON, PROVEN, verdict="lock-deadlock", evidence=seen) == (45.0, 65.0, "log", False)
