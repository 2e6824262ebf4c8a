"""`wd fleet ps|why|status|tick` over real sshd: who answers, who does not and why, and what they have in common."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import answering_pid, ask_without_waiting, surroundings
from hosts import Fleet, bare_path, fleet_in, needed
from support import SERVERS, free_port, running, wait_for

pytestmark = needed


@pytest.fixture
def fleet(folder: Path) -> Iterator[Fleet]:
    with fleet_in(folder) as made:
        yield made


def test_hosts_with_the_same_cause_are_counted_together_and_stand_first(fleet: Fleet) -> None:
    for name in ("one", "two", "three"):
        fleet.host(name)
    with running(str(SERVERS / "moody.py"), "{port}") as server:
        well = fleet.wd("why", f":{server.port}")
        assert (well.code, well.out.splitlines()[-1][:22]) == (0, "3 of 3 hosts answered,")
        ask_without_waiting(server.port, "/hang")
        wait_for(lambda: answering_pid(server.port) == 0, "it hangs")
        ill = fleet.wd("why", f":{server.port}", "-o", "json")
    assert ill.code == 2
    (group,) = ill.last["groups"]
    assert (group["count"], group["hosts"]) == (3, ["one", "two", "three"])
    assert "moody.py:" in group["cause"], "the cause is named with its line"


def test_unreachable_and_silent_hosts_are_shown_with_their_reason(fleet: Fleet) -> None:
    fleet.host("well")
    fleet.host("quiet", command="/bin/sleep 60", ansible_timeout=1)
    stranger = fleet.host("stranger")
    stranger.folder.joinpath("keys").write_text("")
    fleet.row("gone", **{**stranger.variables(), "ansible_port": free_port()})
    fleet.row("winrm", ansible_connection="winrm")
    done = fleet.wd("ps", "--within", "1s", "-o", "json")
    rows = {row["host"]: row for row in done.rows}
    assert {name: row["reached"] for name, row in rows.items()} == {
        "well": "answered", "quiet": "silent", "stranger": "unreachable", "gone": "unreachable", "winrm": "unasked",
    }  # fmt: skip
    assert "Connection refused" in rows["gone"]["reason"]
    assert "Permission denied" in rows["stranger"]["reason"]
    assert "winrm" in rows["winrm"]["reason"]
    assert done.code == 3
    assert (done.last["hosts"], done.last["answered"]) == (5, 1)


def test_a_host_with_several_names_is_asked_once(fleet: Fleet) -> None:
    host = fleet.host("web1")
    fleet.row("web1.example.com", **host.variables())
    fleet.row("by-name", **{**host.variables(), "ansible_host": "{{ 'local' + 'host' }}"})
    known = host.folder / "known"
    known.write_text(known.read_text() + known.read_text().replace("127.0.0.1", "localhost"))
    done = fleet.wd("ps", "-o", "json")
    assert [(row["host"], row["also"]) for row in done.rows] == [("web1", ["web1.example.com", "by-name"])]
    assert done.last["hosts"] == 1


def test_the_homes_of_the_hosts_are_those_of_the_inventory(fleet: Fleet) -> None:
    for name in ("one", "two"):
        home = fleet.folder / f"home-{name}"
        for part in ("playbooks", "runbooks", "logs"):
            (home / part).mkdir(0o700, parents=True)
        home.chmod(0o700)
        port = free_port()
        text = f"service: shop-{name}\nfind: {{port: {port}}}\nprobes: {{up: {{tcp: {port}, every: 1s}}}}\n"
        (home / "playbooks" / "shop.yml").write_text(text)
        fleet.host(name, wd_home=str(home))
    done = fleet.wd("status", "-o", "json")
    assert {row["host"]: row["rows"][0]["service"] for row in done.rows} == {"one": "shop-one", "two": "shop-two"}
    ticked = fleet.wd("tick", "-o", "json")
    assert {row["result"]["services"][0]["service"] for row in ticked.rows} == {"shop-one", "shop-two"}
    assert ticked.code == max(row["exit"] for row in ticked.rows)


def test_a_host_without_wd_or_without_a_new_python_says_so(fleet: Fleet) -> None:
    fleet.host("old", path=str(fleet.folder), ansible_python_interpreter="/usr/bin/python-of-nobody")
    done = fleet.wd("ps", "-o", "json")
    assert done.rows[0]["reached"] == "unready"
    assert "Python 3.11" in done.rows[0]["reason"]


def test_a_limit_that_fits_nobody_and_a_broken_inventory_are_said_plainly(fleet: Fleet) -> None:
    fleet.host("one")
    nobody = fleet.wd("ps", "-l", "db")
    assert nobody.code == 4
    assert "no host in the inventory matches db" in nobody.err
    fleet.inventory.write_text("all: [")
    broken = fleet.wd("ps", "-o", "json")
    assert broken.code == 3
    assert "cannot read the inventory" in json.loads(broken.out)["error"]["what"]


def test_without_ansible_the_extra_is_named(fleet: Fleet) -> None:
    fleet.host("one")
    hidden = "import sysconfig\nsysconfig.get_path = lambda *a, **k: '/nowhere'\n"
    hidden += "from watchdog.cli.main import main\nmain()\n"
    (fleet.folder / "start.py").write_text(hidden)
    words = [sys.executable, str(fleet.folder / "start.py"), "fleet", "ps", "-i", str(fleet.inventory)]
    env = surroundings(PATH=bare_path(fleet.folder / "bin"))
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=env, check=False)
    assert done.returncode == 3
    assert "pip install 'wd-oncall[fleet]'" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("sudo"), reason="needs sudo that asks root for nothing")
def test_become_goes_through_sudo_and_a_password_that_it_does_not_ask_for_harms_nothing(fleet: Fleet) -> None:
    become = {"ansible_become": True, "ansible_become_flags": "-S -n --preserve-env=HOME"}
    fleet.host("plain", **become)
    fleet.host("with-password", **become, ansible_become_password="{{ 's3c' ~ 'ret word' }}")
    done = fleet.wd("ps", "-o", "json", env={"HOME": str(fleet.folder)}, limit=200)
    assert {row["host"]: row["reached"] for row in done.rows} == {"plain": "answered", "with-password": "answered"}
    assert "s3cret" not in done.out + done.err


def test_a_host_behind_a_jump_host_is_reached_as_the_inventory_says(fleet: Fleet) -> None:
    gate, inside = fleet.host("gate"), fleet.host("inside")
    through = (
        f"ssh -F none -i {gate.folder}/user_key -o UserKnownHostsFile={gate.folder}/known -p {gate.port} "
        f"-W %h:%p {getpass.getuser()}@127.0.0.1"
    )
    known = inside.variables()["ansible_ssh_common_args"]
    fleet.row("inside", **inside.variables(ansible_ssh_common_args=f"{known} -o ProxyCommand='{through}'"))
    assert {row["host"]: row["reached"] for row in fleet.wd("ps", "-o", "json").rows}["inside"] == "answered"
    gate.end()
    assert {row["host"]: row["reached"] for row in fleet.wd("ps", "-o", "json").rows}["inside"] == "unreachable"
