"""A cure by the loop leaves the cause in the ledger, as one by hand does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import alive, wait_for
from watching import Home, Service, home_in

from watchdog.evidence import stacks

pytestmark = pytest.mark.skipif(stacks.tracer() is None, reason="py-spy is not installed beside wd")


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
