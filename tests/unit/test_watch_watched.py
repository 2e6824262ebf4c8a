"""What of a service outlives the loop."""

from __future__ import annotations

import time

import pytest

from watchdog.model.playbook import Playbook, Policy, ProbeSpec, Ready, Start, TriggerSpec
from watchdog.model.selector import Selector
from watchdog.policy.budget import Life
from watchdog.policy.judge import ProbeState
from watchdog.policy.patience import grace
from watchdog.watch.watched import Stored, Watched, death_triggers, from_text, to_text, triggers_of

HEALTH = ProbeSpec("health", "http", "/health")
MEMORY = ProbeSpec("memory", "memory", 1 << 30)
ON_HEALTH = TriggerSpec("probe", "health", ("frozen-server",))
ON_LOG = TriggerSpec("log", "Out of memory", ("memory-pressure",))
SHOP = Playbook("shop", Selector(port=8000), probes=(HEALTH, MEMORY), triggers=(ON_HEALTH, ON_LOG))


def test_memory_survives_a_restart_of_wd() -> None:
    watched = Watched(SHOP)
    watched.stored.states["health"] = ProbeState("failing", 5.0, "off", 4.0, "b:1:1", True)
    watched.stored.bookmarks["health"] = "here"
    watched.stored.lives = [Life(7, 100.0, 102.0)]
    watched.stored.gave_up, watched.stored.gave_up_why = 103.0, "4 restarts"
    watched.stored.restart_attempts = [99.0]
    back = from_text(SHOP, to_text(watched, "boot-a"), "boot-a")
    assert back.stored.states == watched.stored.states
    assert (back.stored.lives, back.stored.gave_up, back.stored.gave_up_why) == (
        watched.stored.lives,
        103.0,
        "4 restarts",
    )
    assert (back.stored.restart_attempts, back.stored.bookmarks) == ([99.0], {"health": "here"})


def test_after_a_reboot_counts_begin_anew_and_what_was_given_up_stays_so() -> None:
    watched = Watched(SHOP, Stored(states={"health": ProbeState("failing", 5.0, "ff", 4.0)}, gave_up=103.0))
    back = from_text(SHOP, to_text(watched, "boot-a"), "boot-b")
    assert back.stored.states == {}
    assert back.stored.gave_up == 103.0


def test_what_was_stored_under_a_clock_that_was_ahead_is_of_now() -> None:
    ahead = time.time() + 3600
    watched = Watched(
        SHOP,
        Stored(gave_up=ahead, healthy_since=ahead, restart_attempts=[99.0, ahead], lives=[Life(7, ahead - 3, ahead)]),
    )
    back, now = from_text(SHOP, to_text(watched, "b"), "b"), time.time()
    assert back.stored.gave_up is not None and back.stored.healthy_since is not None
    assert (
        max(back.stored.gave_up, back.stored.healthy_since, *back.stored.restart_attempts, back.stored.lives[0].ended)
        <= now
    )
    assert (back.stored.restart_attempts[0], round(back.stored.lives[0].seconds)) == (99.0, 3)


def test_healthy_time_is_as_long_after_the_clock_was_set() -> None:
    watched = Watched(SHOP, Stored(healthy_since=900.0))
    watched.end_the_future(4600.0, 3600.0)
    assert watched.stored.healthy_since == 4500.0
    watched.end_the_future(1000.0, -3600.0)
    assert watched.stored.healthy_since == 900.0


def test_a_probe_that_is_gone_from_the_playbook_is_forgotten() -> None:
    watched = Watched(SHOP, Stored(states={"health": ProbeState("ok"), "old": ProbeState("trouble")}))
    assert set(from_text(SHOP, to_text(watched, "b"), "b").stored.states) == {"health"}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"states": 3}', '{"lives": [{"pid": "x"}]}', '{"healthy_since": "x"}', '"x"']
)
def test_a_damaged_memory_is_no_memory(text: str) -> None:
    assert from_text(SHOP, text, "b").stored.states == {}


def test_a_log_trigger_is_asked_as_a_probe_of_its_own() -> None:
    spec = Watched(SHOP).specs[-1]
    assert (spec.kind, spec.subject) == ("log", "Out of memory")
    assert triggers_of(SHOP, spec.name) == (ON_LOG,)
    assert triggers_of(SHOP, "health") == (ON_HEALTH,)


def test_a_death_sets_off_its_own_trigger_or_that_of_the_first_probe_that_must_be_answered() -> None:
    assert death_triggers(SHOP) == (ON_HEALTH,)
    own = TriggerSpec("death", "death", ("start-again",))
    assert death_triggers(Playbook("s", Selector(port=1), probes=(HEALTH,), triggers=(ON_HEALTH, own))) == (own,)
    memory_only = Playbook("s", Selector(port=1), probes=(MEMORY,), triggers=(TriggerSpec("probe", "memory", ("x",)),))
    assert death_triggers(memory_only) == ()


def test_the_grace_is_the_time_that_a_start_may_take_unless_the_policy_says_otherwise() -> None:
    quick = Start(ready=Ready(within=10.0))
    assert grace(Playbook("s", Selector(port=1), start=quick)) == 10.0
    assert grace(Playbook("s", Selector(port=1), start=quick, policy=Policy(grace=120.0))) == 120.0
    assert grace(Playbook("s", Selector(port=1), start=quick, policy=Policy(grace=60.0))) == 60.0


def test_the_worst_probe_is_the_state_of_the_service() -> None:
    watched = Watched(SHOP, Stored(states={"health": ProbeState("ok"), "memory": ProbeState("trouble")}))
    assert watched.level == "trouble"
    assert not watched.failing(), "it answers: too much memory is not a common cause of hangs"
