"""Servers that die again and again, each in its own rhythm: the loop stops by itself, calls a person, and remembers."""

from __future__ import annotations

from pathlib import Path

from support import alive, wait_for
from watching import Daemon, home_in

RESTARTS = 3


def says(daemon: Daemon, name: str, text: str) -> bool:
    return any(name in line and text in line for line in daemon.said.splitlines())


def test_three_flappers_are_given_up_within_their_budgets_and_the_calm_ones_stay(folder: Path) -> None:
    with home_in(folder) as home:
        flappers, calm = [home.service(f"flapper{n}") for n in range(3)], [home.service(f"calm{n}") for n in range(4)]
        for flapper, lifetime in zip(flappers, (0.4, 1.5, 4.0), strict=True):
            flapper.playbook["policy"] |= {
                "backoff": {"first": "100ms", "max": "300ms"},
                "give_up": {"restarts": RESTARTS, "within": "30m"},
            }
            flapper.write()
            flapper.tell("die", lifetime)
        pids = [service.start() for service in calm]
        daemon = home.watch()
        for flapper in flappers:
            wait_for(lambda name=flapper.name: says(daemon, name, "give-up: done"), f"{flapper.name} is given up", 100)
        starts = [len(flapper.starts()) for flapper in flappers]
        assert all(1 <= count <= RESTARTS + 1 for count in starts), starts
        daemon.stop()

        again = home.watch()
        for flapper in flappers:
            wait_for(lambda name=flapper.name: says(again, name, "given up"), f"{flapper.name} stays given up", 60)
        assert [len(flapper.starts()) for flapper in flappers] == starts, "remembered over a restart of wd"
        assert all(alive(pid) for pid in pids)
        told = [row["service"] for row in home.incidents() if row["runbook"] == "give-up"]
        assert sorted(told) == [flapper.name for flapper in flappers], "each is told once"
