"""Somebody sets the clock while the loop runs: checks go on, nothing is made up for, and budgets stay budgets."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clocks import Wall
from support import alive, wait_for
from watching import Daemon, Home, Service

from watchdog.journal.store import Journal
from watchdog.model.incident import Desired

HOUR = 3600
IN_2100 = 4_102_444_800.0
pytestmark = pytest.mark.timeout(600)  # many waits, each of them long enough for a busy machine


@pytest.fixture
def wall(folder: Path) -> Wall:
    return Wall(folder)


def questions(service: Service) -> int:
    return len((service.folder / "asked").read_text().split())


def is_brought_back(service: Service, before: int) -> int:
    wait_for(lambda: service.pid() not in (0, before), f"a new {service.name} answers", 100)
    assert not alive(before) and len(service.living()) == 1
    return service.pid()


def numbers(found: Any) -> Iterator[float]:
    if isinstance(found, dict):
        for value in found.values():
            yield from numbers(value)
    elif isinstance(found, list):
        for value in found:
            yield from numbers(value)
    elif isinstance(found, int | float):
        yield found


@pytest.mark.parametrize("to", ["an hour back", "an hour on", "1970", "2100"])
def test_a_clock_that_is_set_stops_no_check_makes_up_for_none_and_ends_nobody(home: Home, wall: Wall, to: str) -> None:
    shop, calm = home.service("shop", "fickle.py"), home.service("calm", "fickle.py")
    before, other = shop.start(), calm.start()
    daemon = home.watch(env=wall.env)
    wait_for(lambda: questions(shop) > 5, "it is asked", 60)
    begun, asked = time.monotonic(), questions(shop)
    if to.startswith("an hour"):
        wall.move(-HOUR if to.endswith("back") else HOUR)
    else:
        wall.set(0.0 if to == "1970" else IN_2100)
    daemon.hears("the clock was set by")
    wait_for(lambda: questions(shop) > asked + 10, "it is asked as before", 60)
    assert questions(shop) - asked <= (time.monotonic() - begun) / 0.3 + 5, "nothing is made up for"
    assert (shop.starts(), calm.starts()) == ([before], [other])

    for runs in (1, 2):
        os.kill(before, signal.SIGSTOP)
        before = is_brought_back(shop, before)
        wait_for(lambda runs=runs: daemon.said.count("bring-back: recovered") == runs, "the run is over", 60)  # type: ignore[misc]
    assert calm.starts() == [other]
    told = daemon.said.replace(re.search(r"the clock was set by \S+ s", daemon.said)[0], "")  # type: ignore[index]
    assert not re.search(r"[^\w.]-\d+(\.\d+)?(ms|s|m|h)\b", told), "no time is negative"
    for row in home.incidents():
        shown = home.wd("incidents", "show", row["incident"], "-o", "json").out
        assert all(number >= 0 for number in numbers(json.loads(shown.splitlines()[-1]))), shown


def gives_up(shop: Service, daemon: Daemon) -> None:
    daemon.hears("gives up", 200)
    assert len(shop.starts()) <= 1 + 3, "within its budget"


def hangs_again_and_again(shop: Service) -> None:
    shop.playbook["policy"] |= {
        "backoff": {"first": "100ms", "max": "200ms"},
        "give_up": {"restarts": 3, "within": "30m"},
        "per_hour": 0,
    }
    shop.write()
    shop.tell("hang-after", 5.0)


def test_a_word_of_a_person_that_lies_in_the_future_does_not_lift_the_budget(home: Home, wall: Wall) -> None:
    shop = home.service(server="fickle.py")
    assert home.wd("resume", "--service", "shop").code == 0
    hangs_again_and_again(shop)
    wall.move(-HOUR)
    shop.start()
    gives_up(shop, home.watch(env=wall.env))


def test_a_clock_set_back_in_the_middle_of_restarts_does_not_lift_the_budget(home: Home, wall: Wall) -> None:
    shop = home.service(server="fickle.py")
    hangs_again_and_again(shop)
    shop.start()
    daemon = home.watch(env=wall.env)
    daemon.hears("bring-back: recovered")
    wall.move(-HOUR)
    gives_up(shop, daemon)


def test_a_restart_in_the_year_2100_keeps_nobody_down_when_the_clock_is_right_again(home: Home, wall: Wall) -> None:
    shop = home.service()
    wall.set(IN_2100)
    before = shop.start()
    daemon = home.watch(env=wall.env)
    os.kill(before, signal.SIGSTOP)
    before = is_brought_back(shop, before)
    daemon.hears("bring-back: recovered")
    wall.move(0)
    daemon.hears("the clock was set by")
    os.kill(before, signal.SIGSTOP)
    before = is_brought_back(shop, before)
    daemon.stop()
    home.watch()
    os.kill(before, signal.SIGSTOP)
    is_brought_back(shop, before)


def test_a_snooze_from_under_another_clock_ends_after_its_time(home: Home, wall: Wall) -> None:
    shop = home.service()
    with Journal.open(home.folder / "logs") as journal:
        journal.set_desired("shop", Desired("snoozed", IN_2100, IN_2100 + 5.0, by="kim"))
    before = shop.start()
    home.watch()
    os.kill(before, signal.SIGSTOP)
    is_brought_back(shop, before)
