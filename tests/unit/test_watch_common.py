"""Many services that fail at once have one cause; when it is over they come back one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from watchdog.journal.store import Journal
from watchdog.model.incident import StepRecord, Trigger
from watchdog.model.playbook import Playbook, Policy, ProbeSpec, TriggerSpec
from watchdog.model.selector import Selector
from watchdog.policy.judge import ProbeState
from watchdog.policy.pressure import SETTLES
from watchdog.steps.registry import SPECS
from watchdog.watch.acting import Runs, share_the_places
from watchdog.watch.loop_messages import Trouble
from watchdog.watch.loop_state import LoopState
from watchdog.watch.watched import Watched

PROBE = ProbeSpec("health", "http", "/health", every=10.0)


class Clock:
    """Stands until it is told to go on."""

    at = 1000.0

    def monotonic(self) -> float:
        return self.at

    now = monotonic


def fails(watched: Watched, at: float, since: float | None) -> None:
    level = "ok" if since is None else "trouble"
    watched.stored.states["health"] = ProbeState(level, recent="f", failing_since=since)
    watched.asked_at["health"] = at


@pytest.fixture
def state(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopState]:
    """Four services whose servers fail since the moment 990, at the moment 1000 of a clock that stands."""
    monkeypatch.setattr("watchdog.watch.common_cause.clock", Clock())
    act = Policy(mode="act")
    with Journal.open(folder) as journal:
        made = LoopState(None, folder, journal)
        for name in ("a", "b", "c", "d"):
            made.services[name] = Watched(Playbook(name, Selector(port=1), probes=(PROBE,), policy=act))
            fails(made.services[name], 1000.0, 990.0)
        yield made


def kind(state: LoopState, watched: Watched) -> str | None:
    found = state.common_cause(watched)
    return found.kind if found else None


def later(state: LoopState, monkeypatch: pytest.MonkeyPatch, at: float) -> None:
    clock = Clock()
    clock.at = at
    monkeypatch.setattr("watchdog.watch.common_cause.clock", clock)
    for watched in state.services.values():
        watched.asked_at["health"] = at


def test_where_all_fail_at_once_one_is_tried_and_the_others_follow_when_it_helped(
    state: LoopState, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c, _ = state.services.values()
    assert kind(state, a) == "at-once"
    later(state, monkeypatch, 1000.0 + SETTLES)
    assert kind(state, a) is None
    assert kind(state, b) == "at-once", "one is enough for a trial"
    state.causes.was_restarted()
    assert (kind(state, b), kind(state, c)) == (None, None)


def test_who_still_fails_after_a_common_cause_gets_time_and_not_for_ever(
    state: LoopState, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c, d = state.services.values()
    assert kind(state, a) == "at-once"
    later(state, monkeypatch, 1005.0)
    fails(b, 1005.0, None)
    fails(c, 1005.0, None)
    fails(d, 1005.0, 1004.0)
    assert kind(state, a) == "settles"
    assert kind(state, d) is None, "its trouble is new and its own"
    later(state, monkeypatch, 1000.0 + SETTLES)
    assert kind(state, a) is None, "it did not come back by itself"


def test_dead_servers_are_no_sign_of_a_common_cause_and_do_not_wait_for_one(state: LoopState) -> None:
    a, b, c, _ = state.services.values()
    a.last_members = b.last_members = frozenset()
    assert (kind(state, a), kind(state, c)) == (None, None)
    a.last_members = b.last_members = None
    assert kind(state, c) == "at-once"


def test_four_services_are_worked_on_at_a_time_and_each_only_once(state: LoopState) -> None:
    a, *others = state.services.values()
    assert state.reserve(a)
    assert not state.reserve(a)
    assert all(state.reserve(one) for one in others)
    fifth = Watched(Playbook("e", Selector(port=1)))
    assert not state.reserve(fifth)
    assert "4 services" in state.why_full
    state.release(a)
    assert state.reserve(fifth)


def step(state: LoopState, watched: Watched, name: str, outcome: str) -> None:
    """A run has come to this step, or the step to its end."""
    record = StepRecord(1, name, name, outcome, 0.0)
    share_the_places(state, watched, SPECS[name], record)


def test_who_has_come_up_leaves_its_place_to_the_next_and_is_still_worked_on_once_only(state: LoopState) -> None:
    a, *_ = everybody = [*state.services.values()]
    assert all(state.reserve(one) for one in everybody)
    fifth, sixth = Watched(Playbook("e", Selector(port=1))), Watched(Playbook("f", Selector(port=2)))
    for name, outcome in (("kill", "running"), ("kill", "ok"), ("start", "running")):
        step(state, a, name, outcome)
        assert not state.reserve(fifth), "it is not up yet"
    step(state, a, "start", "ok")
    assert state.reserve(fifth)
    assert not state.reserve(a), "its proof goes on"
    step(state, a, "kill", "running")
    state.release(fifth)
    assert not state.reserve(sixth), "it did not stay up, and is ended again"
    state.release(a)
    assert state.reserve(sixth)


def test_who_does_not_come_up_keeps_its_place(state: LoopState) -> None:
    a, *_ = everybody = [*state.services.values()]
    assert all(state.reserve(one) for one in everybody)
    step(state, a, "start", "running")
    step(state, a, "start", "failed")
    assert "4 services" in state.why_full


@pytest.mark.parametrize("lasts", [True, False])
def test_a_service_that_recovers_while_its_trouble_waits_in_the_queue_is_left_alone(
    state: LoopState, lasts: bool
) -> None:
    a, b, c, d = state.services.values()
    state.beside = lambda work: None
    cause = Trigger("probe", "health: no answer", "wd watch")
    trouble = Trouble(a, TriggerSpec("probe", "health", ("bring-back",)), cause, PROBE)
    for watched in (b, c, d) if lasts else (a, b, c, d):
        fails(watched, 1000.0, None)
    Runs(state).decide(trouble)
    assert bool(a.announced) == lasts, "a decision is made only about a trouble that lasts"
