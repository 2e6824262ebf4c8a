"""`wd validate --here` tries what the playbooks need of this machine: one line a mistake, and nothing is changed."""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from advised import follow
from homes import WD, Done, Shop, shop_in, surroundings
from strangers import DROP, NOBODY, RUNS_WD, open_folder

pytestmark = pytest.mark.live


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


@pytest.fixture
def stranger(shop: Shop) -> Iterator[int]:
    """Another program on the service's port: this very process."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", shop.port), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield os.getpid()
    server.shutdown()
    server.server_close()


def test_a_good_playbook_is_fine_and_says_what_could_not_be_asked(shop: Shop) -> None:
    done = shop.wd("validate", "--here")
    assert done.code == 0, done.out
    assert done.out.splitlines() == [
        f"{shop.folder}/playbooks/shop.yml: tried the start command, port {shop.port}; "
        "shop does not run, so its probes were not asked",
        "2 files: all fine",
    ]
    assert shop.copies() == []


def test_a_running_service_has_its_probes_asked(shop: Shop) -> None:
    shop.playbook(health="http://127.0.0.1:1/", more=f"logs: [{shop.folder}/no.log]\n")
    with shop.server():
        done = shop.wd("validate", "--here")
    assert done.code == 3
    lines = done.out.splitlines()
    assert [line.split(": ")[1] for line in lines[:-2]] == ["logs", "probes.health"]
    assert lines[-2].endswith(f"shop.yml: tried the start command, port {shop.port}, 1 log, 1 probe")
    assert "wd why shop" in lines[1] and lines[-1] == "2 files: 2 mistakes"


@pytest.mark.parametrize(
    ("start", "more", "key", "told"),
    [
        ("", "", "start.command", "no such file"),
        ("  cwd: /nowhere\n", "", "start.cwd", "/nowhere is not a folder"),
        ("  user: nobody-of-that-name\n", "", "there is no user", "nobody-of-that-name"),
        ("  log: /nowhere/start.log\n", "", "start.log", "/nowhere is not a folder"),
        ("", "logs: [/nowhere/shop.log]\n", "logs", "does not exist"),
        ("", "checks: {data: {command: [no-such-program]}}\n", "checks.data", "is not on the service's PATH"),
    ],
)
def test_each_mistake_is_one_line_with_its_key(shop: Shop, start: str, more: str, key: str, told: str) -> None:
    shop.playbook(start=start, more=more)
    if not start and not more:
        shop.script.unlink()
    done = shop.wd("validate", "--here")
    assert done.code == 3
    found = [line for line in done.out.splitlines() if f": {key}" in line]
    assert len(found) == 1 and told in found[0], done.out
    assert done.out.splitlines()[-1] == "2 files: 1 mistake"


def test_another_program_on_the_port_is_named_and_left_alone(shop: Shop, stranger: int) -> None:
    done = shop.wd("validate", "--here")
    assert done.code == 3
    line = done.out.splitlines()[0]
    assert f"find.port: port {shop.port} is held by another program, pid {stranger}" in line
    assert follow(line, shop.wd) == [f"wd find :{shop.port}"]


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="starts as another user: needs root")
def test_a_command_that_the_user_may_not_run_is_a_mistake(shop: Shop) -> None:
    program = shop.folder / "server"
    program.write_text(f"#!{sys.executable}\n", encoding="utf-8")
    program.chmod(0o700)
    text = f"service: shop\nfind: {{port: {shop.port}}}\nstart: {{command: [{program}], cwd: /, user: nobody}}\n"
    (shop.folder / "playbooks" / "shop.yml").write_text(text, encoding="utf-8")
    done = shop.wd("validate", "--here")
    assert done.code == 3 and f"start.command: user nobody may not run {program}" in done.out


@pytest.mark.root
@RUNS_WD
def test_a_port_of_another_user_is_named_by_root(shop: Shop, stranger: int) -> None:
    with open_folder() as home:
        shutil.copytree(shop.folder, home / "oncall")
        (home / "oncall" / "playbooks" / "shop.yml").write_text(f"service: shop\nfind: {{port: {shop.port}}}\n")
        for path in (home / "oncall", *(home / "oncall").rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        env = surroundings(WD_HOME=str(home / "oncall"), HOME=str(home), XDG_STATE_HOME=str(home))
        line = [*DROP, *WD, "validate", "--here"]
        done = subprocess.run(line, capture_output=True, text=True, env=env, cwd="/", timeout=60, check=False)
    assert done.returncode == 3, done
    assert "as root to see which program it is" in done.stdout
    as_root: list[Done] = []
    follow(done.stdout, lambda *words: as_root.append(shop.wd(*words)) or as_root[-1])
    assert f"pid {stranger}" in as_root[0].out


def test_notify_without_apprise_says_how_to_get_it(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    from watchdog.cli.main import call
    from watchdog.system.host import messages

    shop.playbook(more="notify: ['json://127.0.0.1:1/']\n")
    monkeypatch.setattr(messages.importlib.util, "find_spec", lambda name: None)
    assert call(["--home", str(shop.folder), "validate"]) == 1
    shown = capsys.readouterr().out
    assert "pip install 'wd-oncall[notify]'" in shown and shown.splitlines()[-1] == "2 files: all fine, 1 warning"
    assert call(["--home", str(shop.folder), "validate", "--here"]) == 3


def test_an_address_that_apprise_does_not_know_is_a_mistake_without_its_secrets(shop: Shop) -> None:
    pytest.importorskip("apprise", reason="Apprise is not installed")
    shop.playbook(more="notify: ['nosuch://token-of-ours@host']\n")
    done = shop.wd("validate", "--here")
    assert done.code == 3 and "notify[0]: Apprise does not know the address nosuch://…" in done.out
    assert "token-of-ours" not in done.out + done.err
