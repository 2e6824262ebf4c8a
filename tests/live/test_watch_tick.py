"""One pass of the loop: a monitoring plugin, and a cron job."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

from support import alive, wait_for
from watching import Home, home_in


def test_a_pass_prints_one_line_as_plugins_do(home: Home) -> None:
    shop = home.service()
    shop.start()
    done = home.wd("tick")
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 1
    assert re.fullmatch(r"WD OK - .+ \| 'shop_health'=[0-9.e-]+s time=[0-9.]+s\n", done.out)
    found = json.loads(home.wd("tick", "-o", "json").out.splitlines()[-1])
    assert (found["state"], found["services"][0]["state"]) == ("ok", "ok")


def test_passes_count_on_and_the_one_that_decides_brings_the_server_back(home: Home) -> None:
    shop = home.service()
    shop.playbook["probes"]["health"]["fails"] = 2
    shop.write()
    before = shop.start()
    assert home.wd("tick").code == 0
    shop.tell("down")
    first = home.wd("tick")
    assert (first.code, alive(before)) == (1, True)
    shop.tell("down", None)
    os.kill(before, signal.SIGSTOP)
    home.wd("tick")
    wait_for(lambda: shop.pid() not in (0, before), "a new one answers")
    assert len(shop.living()) == 1
    (incident,) = home.incidents()
    assert Path(incident["report"]).is_file()


def test_a_home_that_is_none_is_unknown(folder: Path) -> None:
    with home_in(folder) as empty:
        assert empty.wd("tick").code == 3


def test_numbers_are_left_for_the_textfile_collector(home: Home, folder: Path) -> None:
    home.service().start()
    home.wd("tick", "--metrics", str(folder / "wd.prom"))
    assert 'wd_service_state{service="shop"} 0' in (folder / "wd.prom").read_text()


def test_a_service_that_a_person_stopped_is_a_warning_that_says_who_and_no_alarm(home: Home) -> None:
    shop, other = home.service(), home.service("other")
    shop.start()
    other.start()
    assert home.wd("stop", "--service", "shop", "--yes").code == 0
    done = home.wd("tick")
    assert done.code == 1 and re.match(r"WD WARNING - shop: stopped by \w+", done.out), done.out
    assert not shop.living()
    assert home.wd("resume", "--service", "shop").code == 0
    wait_for(lambda: home.wd("tick") and shop.pid(), "it is started by a pass", 100)
    assert "2 services are well" in home.wd("tick").out


def test_a_death_is_certain_at_the_first_pass_and_every_dead_server_is_started_by_it(home: Home) -> None:
    services = [home.service(f"s{number}") for number in range(6)]  # more than are worked on at a time
    for service in services:
        service.playbook["probes"]["health"] |= {"fails": 3, "every": "1m"}
        service.playbook["triggers"] = [{"on": "death", "run": "bring-back"}]
        service.write()
        service.start()
    assert home.wd("tick").code == 0
    for process in home.started:
        process.kill()
        process.wait(30)
    home.wd("tick")
    for service in services:
        wait_for(service.answers, f"{service.name} answers again", 60)
        assert len(service.starts()) == 2
    assert {row["downtime_from"] for row in home.incidents()} <= {"process-state", "run", "probe"}


def test_what_a_person_stopped_counts_in_no_availability_and_in_no_replay(home: Home) -> None:
    shop = home.service()
    shop.start()
    assert home.wd("tick").code == 0
    assert home.wd("stop", "--service", "shop", "--yes").code == 0
    for _ in range(4):
        home.wd("tick")
    assert home.wd("start", "--service", "shop").code == 0
    replayed = json.loads(home.wd("replay", "--fails", "1", "-o", "json").out.splitlines()[-1])
    assert replayed["kills"] == 0
    row = json.loads(home.wd("status", "-o", "json").out.splitlines()[0])
    assert row["windows"][0]["down_seconds"] == 0
    assert all(one["downtime"] is None for one in home.incidents()), "a stop and a start by hand are not an outage"
