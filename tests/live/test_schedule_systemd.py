"""What systemd is given: it finds nothing wrong with it, runs it, and what wd started there lives on."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import wait_for
from systemd_room import Room, room
from watching import WD, Home, Service, home_in

ODD = 'kim\'s café 100% "on call"'


@contextlib.contextmanager
def odd_home(folder: Path) -> Iterator[Home]:
    (folder / ODD).mkdir(0o700)
    with home_in(folder / ODD) as made:
        yield made


def schedule(inside: Room, home: Home, *words: str) -> subprocess.CompletedProcess[str]:
    return inside.run(*WD, "--home", str(home.folder), "schedule", *words, "--as", "systemd")


def a_service(home: Home) -> tuple[Service, int]:
    shop = home.service()
    shop.playbook["probes"]["health"] |= {"fails": 1, "timeout": "2s"}
    shop.write()
    return shop, shop.start()


def units(inside: Room) -> list[str]:
    return inside.run("ls", "/etc/systemd/system").stdout.split()


def state(inside: Room, unit: str) -> str:
    return inside.run("systemctl", "is-active", unit).stdout.strip()


def main_of(inside: Room, unit: str) -> int:
    return int(inside.run("systemctl", "show", "--property=MainPID", "--value", unit).stdout)


@pytest.mark.root  # the check makes a manager of its own, for which others have no control group in a container
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("words", [(), ("--service", "shop"), ("--loop",), ("--every", "7m30s")])
def test_systemd_finds_nothing_wrong_with_what_it_is_given(folder: Path, words: tuple[str, ...]) -> None:
    with odd_home(folder) as home:
        home.service()
        done = home.wd("schedule", "install", "--as", "systemd", "--dry-run", *words)
    assert done.code == 0, done.err
    shown = done.out.splitlines()
    heads = [
        number for number, line in enumerate(shown) if line.startswith("# /") and line.endswith((".service", ".timer"))
    ]
    for first, last in zip(heads, [*heads[1:], len(shown)], strict=True):
        unit = folder / Path(shown[first]).name
        unit.write_text("\n".join(shown[first + 1 : last]) + "\n")
        checked = subprocess.run(
            ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=100, check=False
        )
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    assert len(heads) == (1 if "--loop" in words else 2)


@pytest.mark.root
@pytest.mark.timeout(400)
def test_a_timer_brings_a_stopped_server_back_and_the_server_outlives_its_unit(folder: Path) -> None:
    with room() as inside, odd_home(folder) as home, inside.manager(folder / "systemd.txt"):
        shop, before = a_service(home)
        assert schedule(inside, home, "install", "--every", "2s").returncode == 0
        unit, timer = sorted(units(inside))
        # The first pass comes a minute after the boot; every further one by the timer's own clock.
        assert inside.run("systemctl", "start", unit).returncode == 0
        os.kill(before, signal.SIGSTOP)
        wait_for(lambda: shop.pid() not in (0, before), "the timer's pass brings it back", 120)
        after = shop.pid()
        wait_for(lambda: state(inside, unit) == "inactive", "the pass is over", 120)
        inside.run("systemctl", "stop", timer)
        assert schedule(inside, home, "install", "--every", "2s").returncode == 0
        assert state(inside, timer) == "active"
        # In the middle of a pass, to which the server belongs in the eyes of systemd.
        shop.playbook["probes"]["slow"] = {"command": ["sleep", "20"], "every": "1s", "timeout": "60s"}
        shop.write()
        wait_for(lambda: state(inside, unit) == "activating", "a pass is under way", 120)
        assert schedule(inside, home, "remove").returncode == 0
        wait_for(lambda: state(inside, unit) != "activating", "the pass is over", 120)
        assert units(inside) == []
        assert state(inside, timer) == "inactive"
        assert (shop.pid(), shop.living()) == (after, [after])


@pytest.mark.root
@pytest.mark.timeout(400)
def test_the_loop_is_a_unit_that_comes_back_from_death_and_standstill_and_leaves_its_servers_when_it_ends(
    folder: Path,
) -> None:
    with room() as inside, odd_home(folder) as home, inside.manager(folder / "systemd.txt"):
        shop, before = a_service(home)
        os.kill(before, signal.SIGSTOP)
        done = schedule(inside, home, "install", "--loop")
        assert done.returncode == 0, done.stderr
        (unit,) = [name for name in units(inside) if name.endswith(".service")]
        assert state(inside, unit) == "active"
        wait_for(lambda: shop.pid() not in (0, before), "the loop brings it back", 120)
        after = shop.pid()
        for number in (signal.SIGKILL, signal.SIGSTOP):  # systemd sees a stopped loop by its silence
            loop = main_of(inside, unit)
            os.kill(loop, number)
            wait_for(lambda loop=loop: main_of(inside, unit) not in (0, loop), "systemd starts the loop again", 120)
            wait_for(lambda: state(inside, unit) == "active", "it is ready", 120)
        assert schedule(inside, home, "remove", "--loop").returncode == 0
        assert state(inside, unit) == "inactive"
        assert (shop.pid(), shop.living()) == (after, [after])


@pytest.mark.root
def test_what_systemd_did_not_take_is_told_and_tried_again_and_what_is_not_ours_is_left(folder: Path) -> None:
    with room() as inside, odd_home(folder) as home:
        home.service()
        done = schedule(inside, home, "install")
        assert (done.returncode, done.stdout) == (2, "")
        assert "was written and could not be started" in done.stderr
        assert len(done.stderr.splitlines()) <= 3
        done = schedule(inside, home, "remove")
        assert done.returncode == 2
        assert "could not be stopped, so its units stay" in done.stderr
        unit, timer = sorted(units(inside))
        with inside.manager(folder / "systemd.txt"):
            for said in ("brought up to date", "is installed already"):
                assert said in schedule(inside, home, "install").stdout
                assert state(inside, timer) == "active"
            inside.run("sh", "-c", f"echo '# of Kim' >/etc/systemd/system/{unit}")
            for verb in ("install", "show", "remove"):
                assert schedule(inside, home, verb).returncode == 5
            assert inside.run("cat", f"/etc/systemd/system/{unit}").stdout == "# of Kim\n"
