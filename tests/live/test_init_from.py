"""`wd init --from` writes the playbook of a running server: it validates, it works, and nothing is overwritten."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from advised import follow
from homes import SERVERS, WD, Done, surroundings
from support import connects, end_session, free_port, wait_for

from watchdog.config import playbooks

pytestmark = pytest.mark.live


def wd(*words: str, **more: str) -> Done:
    env = surroundings(**more)
    done = subprocess.run([*WD, *words], cwd="/", capture_output=True, text=True, timeout=100, env=env)
    assert "Traceback" not in done.stderr + done.stdout and "defect" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def running(folder: Path, *argv: str, port: int = 0, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "shop.log").open("ab") as log:
        process = subprocess.Popen(
            argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env=surroundings(PYTHONPATH="", **env),
        )  # fmt: skip
    try:
        wait_for(lambda: not port or connects(port) or process.poll() is not None, "the server listens")
        assert process.poll() is None
        yield process
    finally:
        end_session(process)


@pytest.fixture
def shop(folder: Path) -> Iterator[int]:
    """A server in a folder of its own, started as a person would: relative, with a secret in its environment."""
    (folder / "web").mkdir()
    (folder / "web" / "shop.py").write_bytes((SERVERS / "moody.py").read_bytes())
    port = free_port()
    with running(folder / "web", sys.executable, "shop.py", str(port), port=port, API_KEY="hunter2XyZ123"):
        yield port


def test_the_playbook_of_a_server_validates_and_says_what_it_guessed(folder: Path, shop: int) -> None:
    done = wd("init", str(folder / "oncall"), "--from", f":{shop}")
    assert done.code == 0, done.err
    path = folder / "oncall" / "playbooks" / "shop.yml"
    made = playbooks.load(path, folder / "oncall")
    assert (made.find.port, made.find.cmdline) == (shop, ("shop.py",))
    assert made.start.command == (sys.executable, "shop.py", str(shop)) and made.start.cwd == str(folder / "web")
    assert made.probes[0].subject == "/health" and made.logs == (str(folder / "web" / "shop.log"),)
    assert made.policy.mode == "observe" and path.stat().st_mode & 0o777 == 0o600
    assert "guessed health: /health answers 200" in done.out and "API_KEY" in done.out
    assert "hunter2XyZ123" not in path.read_text() + done.out
    assert follow(done.out, wd) == [f"wd --home {folder}/oncall validate --here"]
    home = {"WD_HOME": str(folder / "oncall")}
    follow(path.read_text().splitlines()[0].replace("`wd init`", ""), lambda *words: wd(*words, **home))
    checked = wd("--home", str(folder / "oncall"), "validate", "--here")
    told = f"{path}: tried the start command, port {shop}, 1 log, 1 probe\n1 file: all fine\n"
    assert (checked.code, checked.out) == (0, told), checked.out


def test_the_server_can_be_restarted_by_its_playbook(folder: Path, shop: int) -> None:
    home = ("--home", str(folder / "oncall"))
    assert wd("init", str(folder / "oncall"), "--from", f":{shop}").code == 0
    try:
        assert wd(*home, "restart", "shop", "--yes").code == 0
        assert wd(*home, "verify", "shop").code == 0
    finally:
        assert wd(*home, "stop", "shop", "--yes").code == 0


def test_a_playbook_that_is_there_is_never_overwritten(folder: Path, shop: int) -> None:
    words = ("init", str(folder / "oncall"), "--from", f":{shop}")
    assert wd(*words).code == 0
    path = folder / "oncall" / "playbooks" / "shop.yml"
    path.write_text("service: shop\nfind: {port: 1}\n")
    done = wd(*words)
    assert done.code == 5 and "--name NAME" in done.err
    assert path.read_text() == "service: shop\nfind: {port: 1}\n"
    assert wd(*words, "--name", "shop-2").code == 0
    assert (path.parent / "shop-2.yml").exists()


def test_a_worker_without_a_port_is_found_by_its_words(folder: Path) -> None:
    (folder / "jobs.py").write_text("import time\nwhile True: time.sleep(0.1)\n")
    with running(folder, sys.executable, "jobs.py") as process:
        done = wd("init", str(folder / "oncall"), "--from", f"pid:{process.pid}")
        assert done.code == 0, done.err
        assert playbooks.load(folder / "oncall" / "playbooks" / "jobs.yml").probes[0].kind == "process"
        assert wd("--home", str(folder / "oncall"), "validate", "--here").code == 0


@pytest.mark.parametrize(
    ("selector", "code", "told"),
    [
        (":1", 4, "nothing matches port 1"),
        ("8000", 3, "Write :8000 or pid:8000."),
        (":x", 3, "port"),
        ("no-such-program-anywhere", 4, "`wd ps`"),
        ("'", 3, "Close the quotation."),
    ],
)
def test_what_names_no_server_makes_nothing(folder: Path, selector: str, code: int, told: str) -> None:
    done = wd("init", str(folder / "oncall"), "--from", selector)
    assert done.code == code and told in done.err and not (folder / "oncall").exists()


@pytest.mark.parametrize("name", ["../evil", "a b", "x" * 80, "{{x}}"])
def test_a_name_that_is_not_a_service_name_writes_no_file(folder: Path, shop: int, name: str) -> None:
    before = sorted(folder.iterdir())
    done = wd("init", str(folder / "oncall"), "--from", f":{shop}", "--name", name)
    assert done.code == 3 and sorted(folder.iterdir()) == before, done.err


def test_a_worker_without_a_port_is_told_from_others_by_its_words_and_its_folder(folder: Path) -> None:
    (folder / "bin").mkdir()
    (folder / "bin" / "celery").write_text("import signal\nsignal.pause()\n")
    words = ("bin/celery", "-A", "tasks", "worker", "--concurrency", "2")
    with running(folder, sys.executable, *words) as worker:
        done = wd("init", str(folder / "oncall"), "--from", f"pid:{worker.pid}")
        assert done.code == 0 and "guessed service: tasks" in done.out, done
        made = playbooks.load(folder / "oncall" / "playbooks" / "tasks.yml", folder / "oncall")
        assert (made.find.cmdline, made.find.cwd) == (("celery", "-A", "tasks", "worker"), str(folder))
        found = wd("--home", str(folder / "oncall"), "find", "--service", "tasks", "-o", "json")
        assert [row["pid"] for row in found.rows] == [worker.pid]
