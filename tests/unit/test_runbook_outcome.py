"""How long a server was without service: from the first sign of trouble, or from the kill if there was no trouble."""

from __future__ import annotations

from typing import Any

import pytest

from watchdog.model.incident import Incident, StepRecord, Trigger
from watchdog.runbook.outcome import downtime


def step(name: str, begun: float, data: dict[str, Any] | None = None) -> StepRecord:
    return StepRecord(1, name, name, "ok", begun, 1.0, data=data)


def run(verdict: str, since: float | None = None) -> tuple[float | None, float | None]:
    incident = Incident("i", 100.0, "shop", "planned-restart", Trigger("person", since=since))
    why = step("why", 101.0, {"verdict": verdict, "findings": []})
    return downtime(incident, [why, step("kill", 107.0), step("start", 108.0), step("verify", 109.0)])


@pytest.mark.parametrize("verdict", ["healthy", "healthy-busy", "healthy-but-slow"])
def test_a_server_that_was_well_until_the_kill_is_down_from_the_kill_on(verdict: str) -> None:
    assert run(verdict) == (3.0, 107.0)


def test_a_hung_server_is_down_from_the_first_sign_or_from_the_beginning_of_the_run() -> None:
    assert run("lock-deadlock") == (10.0, 100.0)
    assert run("lock-deadlock", since=90.0) == (20.0, 90.0)
    assert run("healthy", since=90.0) == (20.0, 90.0)
    assert run("") == (10.0, 100.0)


def test_the_time_without_service_ends_with_the_first_answer_and_not_with_the_watch_that_follows() -> None:
    incident = Incident("i", 100.0, "shop", "dead-server", Trigger("death", since=99.0))
    assert downtime(incident, [step("start", 101.0), step("verify", 102.0, {"back": 102.5})]) == (3.5, 99.0)
    assert downtime(incident, [step("restart", 101.0, {"verify": {"back": 101.5}})]) == (2.5, 99.0)
