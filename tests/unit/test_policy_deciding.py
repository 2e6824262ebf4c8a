"""From trouble to a decision, one line of the table for each thing that a careful person would think of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from watchdog.model.incident import Desired
from watchdog.policy.budget import Permit
from watchdog.policy.deciding import Situation, decide, is_healthy_again, quiet_moment, step_of
from watchdog.policy.pressure import CommonCause

GO = Permit("go")
TROUBLE = Situation("shop", "act", "frozen-server", 1000.0, GO)


@pytest.mark.parametrize(
    ("changes", "kind", "word"),
    [
        ({}, "run", ""),
        ({"mode": "observe"}, "would", "would run frozen-server"),
        ({"mode": "ask"}, "ask", ""),
        ({"desired": Desired("stopped", 900.0, by="kim")}, "leave", "kim wants it stopped"),
        ({"desired": Desired("snoozed", 900.0, until=2000.0)}, "leave", "until 1970-01-01T00:33:20"),
        ({"permit": Permit("wait", "back-off", "restart 2 in a row waits 4s", 1004.0)}, "wait", "waits 4s"),
        ({"permit": Permit("give-up", "too-many", "4 restarts did not last")}, "give-up", "4 restarts"),
        ({"permit": Permit("given-up", "given-up", "4 restarts did not last")}, "leave", "`wd resume shop`"),
        ({"mode": "observe", "permit": Permit("give-up", "too-many", "4 restarts")}, "would", "would give up"),
        ({"strange": "another program runs there"}, "give-up", "another program"),
        ({"starved": "the load is 90"}, "hold", "starved"),
        ({"starved": "almost no memory", "planned": True}, "run", ""),
        ({"starved": "the load is 90", "certain": True}, "run", ""),
        ({"common": CommonCause("at-once", "3 of 4 services fail at once")}, "hold", "at once"),
        ({"holder": "run frozen-server on shop (pid 7)"}, "leave", "pid 7"),
        ({"full": "4 services are restarted already"}, "wait", "4 services"),
        ({"planned": True, "moment": "2 requests are under way"}, "wait", "under way"),
        ({"moment": "no quiet window is open"}, "run", ""),
    ],
)
def test_the_decision_fits_the_situation(changes: dict[str, Any], kind: str, word: str) -> None:
    found = decide(replace(TROUBLE, **changes))
    assert found.kind == kind
    assert word in found.why


def test_what_a_person_wants_comes_before_everything_else() -> None:
    wanted = Desired("stopped", 900.0, by="kim")
    worst = replace(TROUBLE, desired=wanted, strange="x", starved="y", permit=Permit("give-up", "too-many", "z"))
    assert decide(worst).kind == "leave"


def test_a_wait_says_when_to_look_again() -> None:
    assert decide(replace(TROUBLE, permit=Permit("wait", "back-off", "", 1004.0))).again == 4.0


def test_the_same_decision_with_other_figures_has_the_same_key_and_another_reason_has_another() -> None:
    waits = [replace(TROUBLE, permit=Permit("wait", "back-off", f"restart 2 waits {n} s", 1004.0)) for n in (4, 8)]
    first, second = (decide(one) for one in waits)
    assert first.why != second.why
    assert first.key == second.key
    hour = decide(replace(TROUBLE, permit=Permit("wait", "hour", "restart 2 waits 4 s", 1004.0)))
    assert hour.key != first.key
    snoozed = [decide(replace(TROUBLE, desired=Desired("snoozed", since, by="kim"))) for since in (900.0, 950.0)]
    assert snoozed[0].key != snoozed[1].key, "another wish is news"


def test_a_ladder_goes_one_step_further_with_each_run_and_stays_on_the_last() -> None:
    ladder = ("reset-conversation", "frozen-server")
    assert [step_of(ladder, attempts) for attempts in range(4)] == [
        "reset-conversation",
        "frozen-server",
        "frozen-server",
        "frozen-server",
    ]


def test_a_planned_restart_waits_for_requests_but_not_for_ever() -> None:
    assert "2 requests" in quiet_moment({}, 2, 5.0, 30.0)
    assert quiet_moment({}, 2, 31.0, 30.0) == ""
    assert quiet_moment({}, 0, 0.0, 30.0) == ""
    assert "quiet window" in quiet_moment({"0 4 * * *": False}, 0, 900.0, 30.0)
    assert quiet_moment({"0 4 * * *": False, "0 5 * * *": True}, 0, 0.0, 30.0) == ""


@pytest.mark.parametrize(
    ("healthy_since", "later", "over"),
    [(None, 600.0, False), (101.0, 2.0, True), (50.0, 2.0, False), (50.0, 61.0, True)],
)
def test_a_snooze_until_healthy_ends_with_health_that_came_after_it_or_lasted_all_the_time(
    healthy_since: float | None, later: float, over: bool
) -> None:
    snoozed = Desired("snoozed", 100.0, until_healthy=True)
    assert is_healthy_again(snoozed, healthy_since, 100.0 + later) is over
    assert not is_healthy_again(Desired("snoozed", 100.0, until=900.0), healthy_since, 100.0 + later)
