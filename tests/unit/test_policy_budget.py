"""How often the loop may restart a service, told with times that nobody has to wait for."""

from __future__ import annotations

import pytest

from watchdog.model.playbook import Backoff, GiveUp, Policy
from watchdog.policy.budget import HOUR, History, Life, crash_loop, delay, permit, since_good

T = 1_800_000_000.0
POLICY = Policy(backoff=Backoff(1.0, 2.0, 300.0, 600.0), give_up=GiveUp(4, 1800.0))


def lives(*seconds: float, end: float = T, by_itself: bool = True) -> tuple[Life, ...]:
    found = []
    for number, length in enumerate(reversed(seconds)):
        found.insert(0, Life(1000 - number, end - length, end, by_itself))
        end -= length + 1
    return tuple(found)


def test_the_first_restart_waits_for_nothing() -> None:
    assert permit(POLICY, History(), T).verdict == "go"


@pytest.mark.parametrize(("restarts", "seconds"), [(0, 0.0), (1, 1.0), (2, 2.0), (3, 4.0), (9, 256.0), (10, 300.0)])
def test_each_further_restart_waits_twice_as_long_up_to_the_most(restarts: int, seconds: float) -> None:
    assert delay(POLICY.backoff, restarts) == seconds


def test_a_thousand_restarts_do_not_overflow() -> None:
    assert delay(POLICY.backoff, 100_000) == 300.0


def test_the_wait_is_told_with_its_end() -> None:
    found = permit(POLICY, History(restarts=(T - 10, T - 1)), T)
    assert (found.verdict, found.at) == ("wait", T + 1)
    assert permit(POLICY, History(restarts=(T - 10, T - 3)), T).verdict == "go"


def test_healthy_time_forgives_what_was_before() -> None:
    many = tuple(T - 700 - number for number in range(3))
    healthy = History(restarts=many, healthy_since=T - 650)
    assert since_good(POLICY.backoff, healthy, T) == ()
    assert permit(POLICY, healthy, T).verdict == "go"


def test_after_the_fourth_restart_a_person_is_called_and_from_then_on_nothing_is_done() -> None:
    four = (T - 400, T - 300, T - 200, T - 100)
    assert permit(POLICY, History(restarts=four), T).verdict == "give-up"
    given_up = History(restarts=four, gave_up=T, gave_up_why="4 restarts")
    assert permit(POLICY, given_up, T + 1).verdict == "given-up"
    assert permit(POLICY, given_up, T + 30 * 86400).verdict == "given-up", "time alone fixes nothing"


def test_a_server_that_was_mended_gets_its_budget_back() -> None:
    fixed = History(gave_up=T, healthy_since=T + 100)
    assert permit(POLICY, fixed, T + 200).verdict == "given-up"
    assert permit(POLICY, fixed, T + 701).verdict == "go"


def test_three_short_lives_of_about_the_same_length_are_a_crash_loop() -> None:
    found = crash_loop(lives(2.7, 2.6, 2.9))
    assert found is not None
    assert (found.times, round(found.period, 1)) == (3, 2.7)
    assert permit(POLICY, History(lives=lives(2.7, 2.6, 2.9)), T).verdict == "give-up"


def test_a_server_found_dead_counts_as_one_of_the_deaths() -> None:
    found_dead = (Life(0, T - 60, T - 60), *lives(2.7, 2.6))
    assert crash_loop(found_dead) is not None


@pytest.mark.parametrize(
    "story",
    [
        lives(2.7, 2.6),
        lives(2.7, 9000.0, 2.6, 2.7),
        lives(2.0, 100.0, 250.0),
        lives(400.0, 400.0, 400.0),
        lives(2.7, 2.6, 2.7, by_itself=False),
        (),
    ],
)
def test_what_is_no_crash_loop(story: tuple[Life, ...]) -> None:
    assert crash_loop(story) is None


@pytest.mark.parametrize("lifetime", [0.2, 3.0, 120.0])
def test_every_flapper_is_bounded_over_a_simulated_day(lifetime: float) -> None:
    """Restarted as soon as the policy allows, and dead again after its lifetime: counted for 24 hours."""
    now, restarts, past, gave_up = T, [], [], None
    while now < T + 86400:
        recent = tuple(when for when in restarts if now - when < 86400)
        history = History(recent, recent, tuple(past[-12:]), gave_up=gave_up)
        found = permit(POLICY, history, now)
        if found.verdict == "give-up":
            gave_up = now
        elif found.verdict == "go":
            restarts.append(now)
            past.append(Life(len(past) + 1, now, now + lifetime))
            now += lifetime
            continue
        now = max(now + 10.0, found.at)
    assert len(restarts) <= 3


def test_a_service_that_lives_just_too_long_for_a_crash_loop_is_bounded_by_the_hour() -> None:
    hour = tuple(T - number * 590 for number in range(6))
    policy = Policy(give_up=GiveUp(100, 1800.0), per_hour=6)
    found = permit(policy, History(restarts=hour, healthy_since=T - 601), T)
    assert found.verdict == "wait"
    assert found.at == min(hour) + HOUR


def test_all_services_together_are_bounded_by_the_hour() -> None:
    others = tuple(T - number for number in range(10))
    found = permit(POLICY, History(all_restarts=others), T)
    assert found.verdict == "wait"
    assert "over all services" in found.why


def test_a_clock_that_was_set_back_forgets_no_restart() -> None:
    future = (T + 3600, T + 3601, T + 3602, T + 3603)
    assert permit(POLICY, History(restarts=future), T).verdict == "give-up"
    one = permit(POLICY, History(restarts=(T + 3600,)), T)
    assert (one.verdict, one.at) == ("wait", T + 1)


def test_healing_the_same_trouble_in_silence_has_an_end() -> None:
    policy = Policy(same_cause=3)
    assert permit(policy, History(same_cause=2), T).verdict == "go"
    assert permit(policy, History(same_cause=3), T).verdict == "give-up"
