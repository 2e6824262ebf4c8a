"""The Ansible collection, built and installed as a person does it, over real sshd: run, fetch, and only then fail."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import WD, Done, answering_pid, surroundings
from hosts import Fleet, bare_path, fleet_in, needed

pytestmark = [needed, pytest.mark.timeout(300)]
BIN = Path(sys.executable).parent
FAILS = "```wd timeout=20s on-fail=stop\nexec -- false\n```\n"
WORKS = "```wd timeout=20s on-fail=stop\nexec -- true\n```\n"


def program(name: str, folder: Path, *words: str, **more: str) -> Done:
    """One of Ansible's programs, to its end."""
    env = surroundings(
        ANSIBLE_COLLECTIONS_PATH=str(folder / "collections"), ANSIBLE_HOME=str(folder / "ansible"), LC_ALL="C.UTF-8",
        ANSIBLE_NOCOLOR="1", ANSIBLE_LOCALHOST_WARNING="0",
        ANSIBLE_SSH_USETTY="0",  # an sshd of an ordinary user may not give a terminal
        **more,
    )  # fmt: skip
    done = subprocess.run(
        [str(BIN / name), *words], cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=200, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the collection, from the folder that wd names, built into an archive and installed from that."""
    folder = tmp_path_factory.mktemp("collection")
    named = subprocess.run([*WD, "fleet", "collection"], env=surroundings(), capture_output=True, text=True, check=True)
    built = program("ansible-galaxy", folder, "collection", "build", named.stdout.strip(), "--output-path", str(folder))
    assert built.code == 0, built.err
    (archive,) = folder.glob("wd-oncall-*.tar.gz")
    got = program("ansible-galaxy", folder, "collection", "install", str(archive), "-p", str(folder / "collections"))
    assert got.code == 0, got.out + got.err
    return folder


@pytest.fixture
def fleet(folder: Path) -> Iterator[Fleet]:
    with fleet_in(folder) as made:
        yield made


def play(fleet: Fleet, installed: Path, runbook: str, *words: str, **more: object) -> Done:
    """The role on all hosts, as a playbook of a person has it."""
    values = {"wd_oncall_runbook": runbook, "wd_oncall_service": "shop", "wd_oncall_home": "{{ wd_home }}", **more}
    tasks = [{"hosts": "all", "gather_facts": False, "roles": [{"role": "wd.oncall.run", "vars": values}]}]
    (fleet.folder / "cure.yml").write_text(json.dumps(tasks))
    argv = ["-i", str(fleet.inventory), str(fleet.folder / "cure.yml"), *words]
    return program("ansible-playbook", installed, *argv, ANSIBLE_STDOUT_CALLBACK="ansible.builtin.default")


def evidence(fleet: Fleet, run: str, host: str) -> Path:
    return fleet.folder / "wd-evidence" / run / f"{host}.tar.gz"


def test_a_hung_server_is_cured_by_a_play_once_for_an_id_and_its_evidence_is_fetched(
    fleet: Fleet, installed: Path
) -> None:
    shop = fleet.shop("one")
    with shop.server(hung=True) as before:
        done = play(fleet, installed, "frozen-server", "-e", "wd_oncall_id=night")
        assert done.code == 0, done.out + done.err
        assert "recovered: " in done.out
        cured = answering_pid(shop.port)
        assert cured not in (0, before.pid)
        with tarfile.open(evidence(fleet, "night", "one")) as archive:
            assert {"report.md", "report.json", "output.txt"} <= set(archive.getnames())
            member = archive.extractfile("report.json")
            assert member is not None
            (incident,) = shop.incidents()
            told = hashlib.sha256(member.read()).hexdigest()
        kept = shop.folder / "logs" / "incidents" / str(incident["incident"]) / "report.json"
        assert told == hashlib.sha256(kept.read_bytes()).hexdigest()
        again = play(fleet, installed, "frozen-server", "-e", "wd_oncall_id=night")
        assert again.code == 0, again.out + again.err
        assert "the result of an earlier call" in again.out
        assert answering_pid(shop.port) == cured
        assert len(shop.incidents()) == 1
        assert len(shop.copies()) == 1


def test_a_run_that_fails_fails_the_play_after_the_evidence_of_every_host_was_fetched(
    fleet: Fleet, installed: Path
) -> None:
    for name, runbook in (("bad", FAILS), ("good", WORKS)):
        fleet.shop(name).runbook("test", runbook)
    planned = play(fleet, installed, "test", "--check")
    assert planned.code == 0, planned.out + planned.err
    assert [shop.incidents() for shop in fleet.shops.values()] == [[], []], "check mode runs nothing"
    fleet.host("bare", path=bare_path(fleet.folder / "bin"), wd_home="/nothing")
    done = play(fleet, installed, "test", "-e", "wd_oncall_id=budget")
    assert done.code == 2, done.out + done.err
    recap = {line.split()[0]: line for line in done.out.split("PLAY RECAP")[1].splitlines()[1:] if line}
    assert {name: "failed=1" in line for name, line in recap.items()} == {"bad": True, "good": False, "bare": True}
    assert evidence(fleet, "budget", "bad").is_file(), "failed or not, it has its evidence"
    assert evidence(fleet, "budget", "good").is_file()
    assert done.out.index("Fetch the evidence") < done.out.index("Fail where the run has failed")
    assert "-e wd_oncall_id=budget" in done.out
    assert "wd-oncall is not installed here. The role wd.oncall.run can do it: wd_oncall_package" in done.out


def test_ansible_explains_the_module_and_the_role(installed: Path) -> None:
    module = program("ansible-doc", installed, "wd.oncall.wd_run")
    assert module.code == 0, module.err
    assert "It starts nothing." in " ".join(module.out.split())
    role = program("ansible-doc", installed, "-t", "role", "wd.oncall.run")
    assert role.code == 0, role.err
    assert "wd_oncall_runbook" in role.out


def test_a_wd_that_cannot_be_run_is_reported_with_the_reason(installed: Path) -> None:
    order = "runbook=frozen-server id=night program=/nothing/wd"
    done = program("ansible", installed, "localhost", "-m", "wd.oncall.wd_run", "-a", order)
    assert done.code == 2
    assert "/nothing/wd cannot be run: [Errno 2] No such file or directory" in done.out + done.err
