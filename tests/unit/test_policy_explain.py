"""The arithmetic of a policy, checked against the loop's own judge."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchdog.model.playbook import Playbook, ProbeSpec, Threshold, TriggerSpec
from watchdog.model.probing import Sample
from watchdog.model.selector import Selector
from watchdog.policy.explain import detection, explain
from watchdog.policy.judge import NOTHING_ELSE, ProbeState, Signs, judge


def hang(probe: ProbeSpec, begins: float, signs: Signs = NOTHING_ELSE) -> float:
    """Seconds from the beginning of a hang to trouble, with questions at 0, every, 2 × every, …"""
    state, asked = ProbeState(), 0.0
    while True:
        hangs = asked + 0.001 > begins
        answered = asked + probe.timeout if hangs else asked
        sample = Sample("health", answered, "failed" if hangs else "ok", 0.0)
        judged = judge(state, sample, probe.threshold, answered, signs)
        if judged.trouble:
            return answered - begins
        state = judged.state
        due = asked + probe.every
        asked = due if answered <= due else answered


SIGNS = {
    "none": NOTHING_ELSE,
    "stopped": Signs(stopped=True),
    "still": Signs(still=True),
    "queue": Signs(queue_grows=True),
    "alive": Signs(alive="it answers the probe ready"),
}


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    every=st.integers(1, 60),
    timeout=st.integers(1, 60),
    fails=st.integers(1, 8),
    more=st.integers(0, 4),
    lasting=st.sampled_from([0.0, 0.0, 7.0, 60.0, 61.0]),
    sign=st.sampled_from(sorted(SIGNS)),
    begins=st.floats(0.0, 1.0),
)
def test_explain_and_the_judge_say_the_same(
    every: int, timeout: int, fails: int, more: int, lasting: float, sign: str, begins: float
) -> None:
    probe = ProbeSpec("health", "http", "/", float(every), float(timeout), Threshold(fails, fails + more, lasting))
    told, signs = detection(probe, ("frozen-server",)), SIGNS[sign]
    earliest = {"stopped": told.stopped, "still": told.certain, "queue": told.certain, "none": told.earliest}
    first = earliest.get(sign, told.patient - every)
    at_once, as_late_as_possible = hang(probe, 0.0, signs), hang(probe, 0.002, signs)
    assert at_once == pytest.approx(first, abs=0.01), "right before a question"
    assert as_late_as_possible == pytest.approx(first + every, abs=0.01), "right after one"
    assert first - 0.01 <= hang(probe, begins * every, signs) <= first + every + 0.01


def test_the_delays_and_the_point_of_giving_up_are_told() -> None:
    probe = ProbeSpec("health", "http", "/", 10.0, 5.0, Threshold(3, 3))
    found = explain(
        Playbook("shop", Selector(port=1), probes=(probe,), triggers=(TriggerSpec("probe", "health", ("x",)),))
    )
    assert found.delays == (0.0, 1.0, 2.0, 4.0)
    assert found.give_up == (4, 1800.0)
    assert found.given_up_after is not None
    assert found.record()["mode"] == "observe"


def test_triggers_that_are_no_probes_are_told_too() -> None:
    triggers = (TriggerSpec("cron", "0 4 * * *", ("nightly-check",)), TriggerSpec("death", "death", ("start",)))
    found = explain(Playbook("shop", Selector(port=1), triggers=triggers))
    assert found.others == (("at 0 4 * * *", ("nightly-check",)), ("a death, at once", ("start",)))


def test_a_limit_that_is_passed_is_no_hang_and_waits_for_a_good_moment() -> None:
    probe = ProbeSpec("memory", "memory", 1 << 32, 30.0, 5.0, Threshold(3, 3, lasting=60.0))
    on = TriggerSpec("probe", "memory", ("planned-restart",))
    (found,) = explain(Playbook("shop", Selector(port=1), probes=(probe,), triggers=(on,))).detections
    assert (found.earliest, found.latest, found.measure) == (60.0, 95.0, True)
