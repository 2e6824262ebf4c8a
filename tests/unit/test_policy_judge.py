"""What answers come to over time: every table here is a story that somebody has lived through."""

from __future__ import annotations

import random
from dataclasses import asdict

import pytest

from watchdog.model.playbook import Threshold
from watchdog.model.probing import Sample, SampleVerdict
from watchdog.policy.judge import NOTHING_ELSE, ProbeState, Signs, judge, needed, reset

THREE = Threshold(3, 3)
WORDS: dict[str, SampleVerdict] = {"o": "ok", "s": "slow", "f": "failed", "?": "unknown"}


def sample(letter: str, at: float = 0.0) -> Sample:
    return Sample("health", at, WORDS[letter], 0.1, "no answer" if letter == "f" else "")


def play(
    story: str,
    threshold: Threshold = THREE,
    signs: Signs = NOTHING_ELSE,
    grace: float = 0.0,
    state: ProbeState | None = None,
    every: float = 10.0,
) -> tuple[ProbeState, list[str]]:
    """The levels that a row of answers leads to, each `every` seconds."""
    state, levels = state or ProbeState(), []
    for number, letter in enumerate(story):
        state = judge(state, sample(letter), threshold, number * every, signs, grace).state
        levels.append(state.level)
    return state, levels


@pytest.mark.parametrize(
    ("story", "threshold", "level"),
    [
        ("ff", Threshold(3, 3), "failing"),
        ("fff", Threshold(3, 3), "trouble"),
        ("ffoff", Threshold(3, 3), "failing"),
        ("ff?f", Threshold(3, 3), "trouble"),
        ("f?????", Threshold(3, 3), "failing"),
        ("????????", Threshold(3, 3), "unknown"),
        ("fofof", Threshold(3, 5), "trouble"),
        ("fofoo", Threshold(3, 5), "ok"),
        ("fofofo", Threshold(3, 5), "ok"),
        ("ffofo", Threshold(3, 5), "trouble"),
        ("f", Threshold(1, 1), "trouble"),
        ("sss", Threshold(3, 3), "slow"),
        ("ssf", Threshold(3, 3), "failing"),
        ("fffo", Threshold(3, 3), "ok"),
        ("ooo", Threshold(3, 3), "ok"),
    ],
)
def test_a_verdict_is_reached_by_counting(story: str, threshold: Threshold, level: str) -> None:
    assert play(story, threshold)[0].level == level


def test_trouble_must_last_as_long_as_the_playbook_says() -> None:
    patient = Threshold(1, 1, lasting=60.0)
    assert play("f" * 6, patient)[0].level == "failing"
    assert play("f" * 7, patient)[0].level == "trouble"
    assert play("fffofff", patient)[0].level == "failing", "a good answer begins the time again"


def test_a_stopped_process_needs_one_failure_and_a_still_one_half_of_them() -> None:
    assert needed(Threshold(3, 3), Signs(stopped=True)) == (1, 1)
    assert needed(Threshold(3, 3), Signs(still=True)) == (2, 2)
    assert needed(Threshold(2, 2), Signs(still=True)) == (1, 1)
    assert needed(Threshold(3, 5), Signs(queue_grows=True)) == (2, 4)
    assert play("f", Threshold(3, 3), Signs(stopped=True))[0].level == "trouble"


def test_a_sign_of_life_doubles_the_patience() -> None:
    busy = Signs(alive="it answers the probe ready")
    assert play("fffff", Threshold(3, 3), busy)[0].level == "failing"
    assert play("ffffff", Threshold(3, 3), busy)[0].level == "trouble"


def test_a_starting_server_is_left_alone_for_its_grace_and_not_longer() -> None:
    young = Signs(identity="b:1:1", age=8.0)
    assert play("fffff", grace=60.0, signs=young)[0].level == "starting"
    assert play("fff", grace=60.0, signs=Signs(identity="b:1:1", age=61.0))[0].level == "trouble"


def test_one_good_answer_ends_the_grace_of_that_process() -> None:
    young = Signs(identity="b:1:1", age=8.0)
    assert play("offf", grace=60.0, signs=young)[0].level == "trouble"


def test_a_server_that_hung_before_we_came_is_found() -> None:
    old = Signs(identity="b:1:1", age=7200.0)
    assert play("fff", grace=60.0, signs=old)[0].level == "trouble"


def test_a_stopped_server_gets_no_grace() -> None:
    assert play("f", grace=60.0, signs=Signs(identity="b:1:1", age=5.0, stopped=True))[0].level == "trouble"


def test_another_process_begins_with_a_clean_record() -> None:
    state, _ = play("ff", signs=Signs(identity="b:1:1", age=100.0))
    state, _ = play("f", signs=Signs(identity="b:2:2", age=100.0), state=state)
    assert state.level == "failing"
    assert state.recent == "f"


def test_after_a_restart_old_failures_do_not_kill_the_new_server() -> None:
    state, _ = play("fff")
    state = reset(state, 31.0)
    assert play("ff", state=state)[0].level == "failing"


def test_recovery_is_told_once_and_a_failure_each_time_until_it_is_trouble() -> None:
    state, told = ProbeState(), []
    for number, letter in enumerate("offffoo"):
        judged = judge(state, sample(letter), Threshold(3, 3), float(number))
        state = judged.state
        told.append((judged.event.kind, judged.event.fresh) if judged.event else None)
    assert told == [
        None,
        ("failing", True),
        ("failing", True),
        ("trouble", True),
        ("trouble", False),
        ("recovered", True),
        None,
    ]


def test_what_wd_itself_missed_is_told_and_changes_nothing() -> None:
    before, _ = play("ff")
    judged = judge(before, sample("?"), Threshold(3, 3), 30.0)
    assert judged.event is not None
    assert judged.event.kind == "unknown"
    assert (judged.state.recent, judged.state.level) == (before.recent, before.level)


def test_a_state_survives_being_stored() -> None:
    state, _ = play("osff?", signs=Signs(identity="b:1:1", age=99.0))
    assert ProbeState(**asdict(state)) == state


def test_ten_thousand_rounds_of_healthy_but_difficult_servers_lead_to_no_kill() -> None:
    """One in five slow, a pause now and then, unknown answers, and never three failures in a row."""
    dice = random.Random(7)
    state, row = ProbeState(), 0
    for number in range(10_000):
        letter = dice.choices("ofs?", (70, 8, 20, 2))[0]
        row = row + 1 if letter == "f" else row if letter == "?" else 0
        if row == 3:
            letter, row = "o", 0
        judged = judge(state, sample(letter), Threshold(3, 3), number * 10.0, Signs(identity="b:1:1", age=1e6))
        assert not judged.trouble
        state = judged.state


def test_a_hang_is_never_missed() -> None:
    dice = random.Random(11)
    for _ in range(200):
        past = "".join(dice.choices("os", k=dice.randrange(60)))
        state, _ = play(past)
        assert play("fff", state=state)[0].level == "trouble"


def test_a_question_out_of_turn_right_beside_a_failure_is_no_second_failure() -> None:
    state = judge(ProbeState(), sample("f"), Threshold(2, 2), 10.0, every=3.0).state
    state = judge(state, sample("f"), Threshold(2, 2), 10.1, every=3.0).state
    assert state.level == "failing"
    assert judge(state, sample("f"), Threshold(2, 2), 13.0, every=3.0).trouble


def test_a_stopped_server_needs_no_second_moment() -> None:
    state = judge(ProbeState(), sample("f"), Threshold(2, 2), 10.0, every=3.0).state
    assert judge(state, sample("f"), Threshold(2, 2), 10.1, Signs(stopped=True), every=3.0).trouble
