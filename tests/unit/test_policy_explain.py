"""The arithmetic of a policy, checked against the loop's own judge."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize(
    "probe",
    [
        ProbeSpec("health", "http", "/", 10.0, 5.0, Threshold(3, 3)),
        ProbeSpec("health", "http", "/", 1.0, 5.0, Threshold(3, 3)),
        ProbeSpec("health", "http", "/", 1.0, 1.0, Threshold(2, 2)),
        ProbeSpec("health", "http", "/", 30.0, 5.0, Threshold(1, 1)),
        ProbeSpec("health", "http", "/", 5.0, 2.0, Threshold(2, 2, lasting=60.0)),
    ],
)
def test_a_kill_never_comes_earlier_or_later_than_explained(probe: ProbeSpec) -> None:
    told = detection(probe, ("frozen-server",))
    times = [hang(probe, begins / 20) for begins in range(1, int(40 * probe.every))]
    assert min(times) >= told.earliest - 0.1 - probe.every * bool(probe.threshold.lasting)
    assert max(times) <= told.latest + 0.1 + probe.every * bool(probe.threshold.lasting)
    assert hang(probe, 0.05, Signs(stopped=True)) >= told.certain - 0.1
    assert max(hang(probe, begins / 20, Signs(alive="yes")) for begins in range(1, 40)) <= told.patient + 0.1 + (
        probe.every * bool(probe.threshold.lasting)
    )


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
