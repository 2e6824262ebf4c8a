"""Debian's cron really runs `wd tick`: a stopped server is back, with a report, and nobody typed anything."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from crontabs import Room, room
from support import alive, wait_for
from watching import WD, Home, Service, home_in

pytestmark = [pytest.mark.root, pytest.mark.timeout(400)]
OTHERS = "# of the person who was here first: 100% theirs\n0 5 * * * /usr/bin/mail kim%first%second\n"


def schedule(inside: Room, home: Home, *words: str) -> str:
    done = inside.run(*WD, "--home", str(home.folder), "schedule", *words, "--as", "cron")
    assert done.returncode == 0, done.stderr
    return done.stdout


def is_back(service: Service, before: int) -> bool:
    return service.pid() not in (0, before) and any(one["outcome"] == "recovered" for one in service.home.incidents())


def test_cron_runs_the_pass_that_brings_a_stopped_server_back_and_the_server_outlives_both(folder: Path) -> None:
    # A name that must be quoted for the shell, and once more for cron, to which a percent sign ends the command.
    place = folder / "kim's café \\ at 100%"
    place.mkdir(0o700)
    with home_in(place) as home, room() as inside:
        shop = home.service()
        shop.playbook["probes"]["health"] |= {"fails": 1, "timeout": "2s"}
        shop.write()
        before = shop.start()
        assert inside.run("crontab", "-", stdin=OTHERS).returncode == 0
        schedule(inside, home, "install")
        os.kill(before, signal.SIGSTOP)
        with inside.cron(folder / "cron.txt"):
            # Cron looks at its tables when a minute begins, so this takes up to one.
            wait_for(lambda: is_back(shop, before), "cron's pass brings it back", 300)
            (incident,) = home.incidents()
            assert Path(incident["report"]).is_file()
            assert not alive(before)
            after = shop.pid()
            schedule(inside, home, "remove")
            assert inside.crontab() == OTHERS
        assert shop.pid() == after
        assert shop.living() == [after]
