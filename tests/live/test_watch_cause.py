"""A cure by the loop leaves the cause in the ledger, as one by hand does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from interpreters import NEEDS_TRACER
from support import alive, wait_for
from watching import Home, Service, home_in

pytestmark = NEEDS_TRACER


@pytest.fixture
def home(folder: Path) -> Iterator[Home]:
    with home_in(folder) as made:
        yield made


def test_an_automatic_cure_of_an_endless_loop_names_the_loop_and_its_line(home: Home) -> None:
    shop: Service = home.service(server="fickle.py")
    shop.playbook["triggers"] = [{"on": "health", "run": "frozen-server"}]
    shop.write()
    before = shop.start()
    daemon = home.watch()
    daemon.hears("watching")
    shop.tell("burn")
    wait_for(lambda: not alive(before), "the busy server is ended", 90)
    shop.tell("burn", None)
    daemon.hears("recovered")
    (incident,) = home.incidents()
    assert incident["outcome"] == "recovered" and "busy" in str(incident["cause"]), incident
    assert "fickle.py" in home.wd("incidents", "show", incident["incident"]).out


def test_a_server_that_hangs_again_after_each_cure_hangs_and_is_in_no_crash_loop(home: Home) -> None:
    shop: Service = home.service(server="fickle.py")
    shop.playbook["triggers"] = [{"on": "health", "run": "frozen-server"}]
    shop.playbook["policy"] |= {
        "per_hour": 0,
        "per_hour_everywhere": 0,
        "backoff": {"first": "100ms", "max": "100ms", "reset_after": "1s"},
        "give_up": {"restarts": 100, "within": "1m"},
    }
    shop.write()
    before = shop.start()
    daemon = home.watch()
    daemon.hears("watching")
    for times in range(1, 5):
        shop.tell("burn")
        wait_for(lambda pid=before: not alive(pid), "the busy server is ended", 90)
        shop.tell("burn", None)
        wait_for(lambda times=times: daemon.said.count("frozen-server: recovered") == times, "it is back", 90)
        before = shop.pid()
    causes = [str(one["cause"]) for one in home.incidents()]
    assert len(causes) == 4 and all("busy" in cause for cause in causes), causes


def test_a_server_that_outlives_its_crashes_is_healthy_again(home: Home) -> None:
    shop: Service = home.service()
    shop.tell("die", 1.0)
    for times in range(1, 4):
        home.wd("start", "shop")
        wait_for(lambda times=times: len(shop.starts()) == times and not shop.living(), "it has crashed", 30)
    assert home.wd("why", "shop", "-o", "json").last["verdict"] == "crash-loop"
    shop.tell("die", None)
    assert home.wd("start", "shop").code == 0
    wait_for(lambda: home.wd("why", "shop", "-o", "json").last["verdict"] == "healthy", "it is healthy", 60)


def test_a_server_that_wd_has_killed_again_and_again_is_healthy_for_a_person_who_asks(home: Home) -> None:
    shop: Service = home.service()
    for _ in range(3):
        assert home.wd("start", "shop").code == 0
        assert home.wd("kill", "shop", "--force", "--yes").code == 0
        wait_for(lambda: not shop.living(), "it is ended")
    assert home.wd("start", "shop").code == 0
    assert home.wd("why", "shop", "-o", "json").last["verdict"] == "healthy"
