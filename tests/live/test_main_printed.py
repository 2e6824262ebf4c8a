"""What a person and a script read: no secret of a real command line, no line forged by one, an end for every Ctrl-C."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import WD, Shop, shop_in, surroundings
from support import SERVERS, alive, running

from watchdog.system.disk import files

SECRET = "hunter2XyZ9w"
FORGED = "nothing\nHEALTHY: all is well\u202e\x1b[2J"
ARGS = ("--password", SECRET, f"bindpw={SECRET}", f"postgres://kim:{SECRET}@db/shop", FORGED)


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


@pytest.mark.parametrize("output", ["table", "plain", "json"])
def test_a_command_line_with_secrets_and_control_characters_is_shown_without_them(shop: Shop, output: str) -> None:
    with shop.server(*ARGS) as server:
        for words in (
            ("ps", "--all"),
            ("find", f":{shop.port}"),
            ("kill", f":{shop.port}", "--dry-run"),
            ("kill", "--cmdline", "moody.py", "--pid", str(server.pid), "--dry-run"),
            ("why", f":{shop.port}", "--within", "2s"),
            ("snapshot", f":{shop.port}", "--within", "1s", "--to", str(shop.folder / f"kept-{output}")),
        ):
            done = shop.wd(*words, "-o", output)
            told = done.out + done.err
            assert SECRET not in told, (words, told)
            assert not [line for line in told.splitlines() if line.startswith("HEALTHY: all is well")], words
            assert not {"\x1b", "\u202e"} & set(told), words
            if output == "json":
                assert {"outcome", "error"} <= json.loads(done.out.splitlines()[-1]).keys()


def test_a_start_command_with_a_secret_is_shown_without_it(shop: Shop) -> None:
    shop.playbook(*ARGS[:4])
    for words in (
        ("start", "shop", "--dry-run"),
        ("start", "shop"),
        ("restart", "shop", "--dry-run"),
        ("stop", "shop"),
    ):
        done = shop.wd(*words)
        assert done.code == 0, done
        assert SECRET not in done.out + done.err, done


@pytest.mark.parametrize("output", ["table", "json"])
@pytest.mark.parametrize("words", [("ps", "--hung"), ("find", ":1"), ("kill", ":1"), ("snapshot", ":1"), ("why", ":1")])
def test_where_nothing_matches_a_script_still_gets_its_line(shop: Shop, words: tuple[str, ...], output: str) -> None:
    done = shop.wd(*words, "-o", output)
    if output == "json":
        assert {"outcome", "error"} <= done.last.keys()
    else:
        assert done.out + done.err


HOOK = """
import os, signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["INTERRUPT_AT"]:
            os.kill(os.getpid(), signal.{signal})
sys.meta_path.insert(0, Interrupt())
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("module", ["cli.application", "steps.registry", "cli.session", "steps.find"])
def test_an_interruption_while_wd_is_still_loading_ends_it_in_one_line(folder: Path, module: str, name: str) -> None:
    """The moment is exact: the signal comes when that module is imported."""
    (folder / "sitecustomize.py").write_text(HOOK.replace("{signal}", name))
    path = f"{folder}:{surroundings()['PYTHONPATH']}"
    env = surroundings(PYTHONPATH=path, INTERRUPT_AT=f"watchdog.{module}", XDG_STATE_HOME=str(folder))
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); sys.argv = ['wd', 'ps']\n"
    line = [sys.executable, "-c", f"{code}from watchdog.cli.main import main; main()"]
    done = subprocess.run(line, capture_output=True, text=True, env=env, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", "wd: interrupted")


def test_the_sockets_of_killed_shims_are_removed_by_the_next_start(shop: Shop) -> None:
    place = files.runtime_folder()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait(30)
    left, kept = place / f"shim-{dead.pid}", place / f"shim-{os.getpid()}"
    try:
        for path in (left, kept):
            with socket.socket(socket.AF_UNIX) as post:
                post.bind(str(path))
        assert shop.wd("start", "shop").code == 0
        assert kept.exists() and not left.exists()
    finally:
        shop.wd("stop", "shop")
        left.unlink(missing_ok=True)
        kept.unlink(missing_ok=True)


def without_ptrace(shop: Shop, *words: str) -> subprocess.CompletedProcess[str]:
    """`wd` by root as it is in a container: without the capability to look into other processes."""
    drop = ("setpriv", "--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace")
    argv = [*drop, *WD, "--home", str(shop.folder), *words]
    return subprocess.run(argv, capture_output=True, text=True, env=surroundings(), cwd="/", timeout=60, check=False)


@pytest.mark.root
def test_root_without_ptrace_is_told_of_the_capability_and_not_to_become_root(shop: Shop) -> None:
    with shop.server():
        listed = without_ptrace(shop, "ps")
        assert "not seen: who listens on port" in listed.stderr, listed
        assert "--cap-add SYS_PTRACE" in listed.stderr and "as root" not in listed.stderr
        for words in (("kill", f":{shop.port}"), ("snapshot", f":{shop.port}"), ("find", f":{shop.port}")):
            done = without_ptrace(shop, *words)
            assert done.returncode == 5 and "cannot be seen" in done.stderr + done.stdout, done
            assert "SYS_PTRACE" in done.stderr + done.stdout and "kernel" not in done.stderr, done
        doctor = without_ptrace(shop, "doctor")
        assert "✗ rights" in doctor.stdout and "SYS_PTRACE" in doctor.stdout


_ENDS_WHEN_ASKED = """
import http.server, os, sys
class Ends(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        os._exit(0)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ends).serve_forever()
"""


def test_a_server_that_ended_while_it_was_asked_is_not_in_the_list(shop: Shop, tmp_path: Path) -> None:
    script = tmp_path / "ends_when_asked.py"
    script.write_text(_ENDS_WHEN_ASKED)
    with running(str(script), "{port}") as ends, running(str(SERVERS / "plain.py"), "{port}") as stays:
        listed = shop.wd("ps", "-o", "json")
        pids = [row["pid"] for row in listed.rows]
        assert not alive(ends.pid) and ends.pid not in pids and stays.pid in pids
