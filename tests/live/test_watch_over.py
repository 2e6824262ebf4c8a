"""A run of the loop whose trouble ends before its kill: a server that answers again is not ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import alive, wait_for
from watching import Daemon, Home, Service, home_in

# As frozen-server does, with a stretch before the kill that ends when the test says so.
PATIENT = """---
summary: For tests, look, end it unless it is well, start it, prove it.
---
# Patient
```wd timeout=60s on-fail=stop
exec sh -c "until [ -e {go} ]; do sleep 0.05; done"
```
```wd timeout=15s on-fail=continue
why --within 5s
```
```wd timeout=60s on-fail=escalate
kill --grace 2s --unless-healthy
```
```wd timeout=60s on-fail=stop
start
verify --healthy 1 --within 30s
```
"""


@pytest.fixture
def home(folder: Path) -> Iterator[Home]:
    with home_in(folder) as made:
        made.runbook("patient", PATIENT.format(go=folder / "go"))
        yield made


def service(home: Home, **probe: object) -> Service:
    shop = home.service()
    shop.playbook["probes"]["health"] |= probe
    shop.playbook["triggers"] = [{"on": "health", "run": "patient"}]
    return shop


def a_trouble_that_ends_before_the_kill(home: Home, shop: Service) -> Daemon:
    shop.write()
    shop.start()
    daemon = home.watch()
    shop.tell("down")
    daemon.hears("runs patient")
    shop.tell("down", None)
    wait_for(lambda: shop.pid() != 0, "it answers again")
    (home.folder / "go").touch()
    return daemon


def test_a_server_that_answers_again_before_the_kill_is_left_alone(home: Home) -> None:
    shop = service(home)
    daemon = a_trouble_that_ends_before_the_kill(home, shop)
    daemon.hears("patient: done: nothing is ended: the probe health is answered again")
    daemon.hears("health: recovered")
    (only,) = shop.living()
    assert shop.starts() == [only]
    assert [one["outcome"] for one in home.incidents()] == ["done"]
    shop.tell("down")  # the next trouble is treated in full, and no attempt was used up
    wait_for(lambda: not alive(only), "it is ended", 60)
    shop.tell("down", None)
    daemon.hears("patient: recovered")


def test_a_server_that_answers_now_and_then_is_ended_although_it_answers_at_this_moment(home: Home) -> None:
    shop = service(home, fails="3 of 5")
    daemon = a_trouble_that_ends_before_the_kill(home, shop)
    daemon.hears("patient: recovered")
    assert len(shop.starts()) == 2


def test_a_server_over_its_memory_limit_is_ended_although_it_answers(home: Home) -> None:
    shop = service(home)
    shop.playbook["probes"]["memory"] = {"memory": "200MB", "every": "300ms", "fails": 2}
    shop.playbook["triggers"] = [{"on": "memory", "run": "patient"}]
    shop.tell("memory", 300)
    shop.write()
    before = shop.start()
    shop.tell("memory", 1)
    daemon = home.watch()
    daemon.hears("runs patient")
    (home.folder / "go").touch()
    daemon.hears("patient: recovered")
    assert not alive(before)
