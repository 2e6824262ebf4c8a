"""Many services that fail at once have one cause; when it is over they come back one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchdog.journal.store import Journal
from watchdog.model.playbook import Playbook, ProbeSpec
from watchdog.model.selector import Selector
from watchdog.policy.judge import ProbeState
from watchdog.policy.pressure import SETTLES
from watchdog.system.clock import monotonic
from watchdog.watch.house import House
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
    watched.states["health"] = ProbeState(level, recent="f", failing_since=since)
    watched.asked_at["health"] = at


def test_who_still_fails_after_a_common_cause_gets_time_and_not_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("watchdog.watch.house.clock", clock)
    with Journal.open(folder) as journal:
        house = House(None, folder, journal)
        for name in ("a", "b", "c", "d"):
            house.services[name] = Watched(Playbook(name, Selector(port=1), probes=(PROBE,)))
        a, b, c, d = house.services.values()
        for one in (a, b, c, d):
            fails(one, 1000.0, 990.0 if one is not d else None)
        assert "at once" in house.common_cause(a)
        clock.at = 1005.0
        for one in (b, c):
            fails(one, 1005.0, None)
        fails(d, 1005.0, 1004.0)
        assert "to come back" in house.common_cause(a), "it is on its way"
        assert house.common_cause(d) == "", "its trouble is new and its own"
        clock.at = 1000.0 + SETTLES
        assert house.common_cause(a) == "", "it did not come back by itself"


def test_dead_servers_are_no_sign_of_a_common_cause_and_do_not_wait_for_one(folder: Path) -> None:
    with Journal.open(folder) as journal:
        house = House(None, folder, journal)
        for name in ("a", "b", "c", "d"):
            house.services[name] = Watched(Playbook(name, Selector(port=1), probes=(PROBE,)))
            fails(house.services[name], monotonic(), monotonic() - 5.0)
        a, b, c, _ = house.services.values()
        a.gone = b.gone = frozenset()
        assert house.failing() == {"a": False, "b": False, "c": True, "d": True}
        assert (house.common_cause(a), house.common_cause(c)) == ("", "")
        b.gone = None
        assert house.common_cause(a) == "", "it is dead, whatever the others have"
        assert "at once" in house.common_cause(c)
