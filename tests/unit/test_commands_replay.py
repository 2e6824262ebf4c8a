from __future__ import annotations

from watchdog.commands.replay import judged_again
from watchdog.model.playbook import ProbeSpec, Threshold
from watchdog.model.probing import Sample, SampleVerdict

WORDS: dict[str, SampleVerdict] = {"o": "ok", "f": "failed", "?": "unknown"}


def story(text: str, every: float = 10.0) -> list[Sample]:
    return [Sample("health", 1000.0 + number * every, WORDS[letter], 0.1) for number, letter in enumerate(text)]


def spec(fails: int) -> ProbeSpec:
    return ProbeSpec("health", "http", "/", threshold=Threshold(fails, fails))


def test_stricter_thresholds_kill_more_and_some_of_it_in_vain() -> None:
    text = "ooofooooffoooofffffffff"
    assert [len(judged_again("shop", spec(fails), story(text), ()).kills) for fails in (1, 2, 3)] == [12, 5, 3]
    once = judged_again("shop", spec(1), story("ooofoooo"), ())
    assert (len(once.kills), once.false) == (1, 1)


def test_a_kill_that_was_followed_by_a_restart_was_not_in_vain() -> None:
    found = judged_again("shop", spec(3), story("ooofffooo"), (1055.0,))
    assert (len(found.kills), found.false) == (1, 0)


def test_the_time_to_a_kill_is_told() -> None:
    assert judged_again("shop", spec(3), story("offf"), ()).slowest == 20.0


def test_restarts_of_the_past_reset_the_count() -> None:
    assert judged_again("shop", spec(3), story("ffff"), (1015.0,)).kills == ()
