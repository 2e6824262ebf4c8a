"""`wd start`, `stop`, `restart` and `verify` through the command line: what a script gets from them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import Shop, answering_pid, shop_in
from support import SERVERS, alive, free_port, running

from watchdog.policy.lock_files import target_lock


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


def test_a_life_from_start_to_stop_in_the_words_of_the_contract(shop: Shop) -> None:
    started = shop.wd("start", "--service", "shop", "-o", "json")
    assert started.code == 0, started.err
    assert set(started.last) >= {"outcome", "pid", "ready", "seconds"}
    (first,) = shop.copies()
    assert (started.last["outcome"], started.last["pid"], started.last["ready"]) == ("done", first, True)
    assert answering_pid(shop.port) == first

    verified = shop.wd("verify", "--service", "shop", "--healthy", "2", "-o", "json")
    assert (verified.code, verified.last["outcome"], verified.last["pid"]) == (0, "done", first)
    assert all(set(answer) >= {"ok", "seconds", "status"} for answer in verified.last["answers"])

    again = shop.wd("start", "--service", "shop", "-o", "json")
    assert (again.code, again.last["pid"]) == (0, first)

    restarted = shop.wd("restart", "--service", "shop", "--healthy", "2", "-o", "json")
    assert (restarted.code, restarted.last["outcome"]) == (0, "done"), restarted.err
    (second,) = shop.copies()
    assert second != first and restarted.last["pid"] == second

    stopped = shop.wd("stop", "--service", "shop", "-o", "json")
    assert (stopped.code, stopped.last["outcome"]) == (0, "done")
    assert shop.copies() == []
    with shop.journal() as journal:
        assert journal.desired("shop").state == "stopped"
    assert shop.wd("stop", "--service", "shop").code == 0


def test_a_dry_run_of_each_touches_nothing(shop: Shop) -> None:
    assert shop.wd("start", "--service", "shop", "--dry-run").code == 0
    assert shop.copies() == []
    with shop.server() as server:
        for verb in ("stop", "restart"):
            done = shop.wd(verb, "--service", "shop", "--dry-run")
            assert done.code == 0 and str(server.pid) in done.out, done
        assert alive(server.pid)
    assert not (shop.folder / "logs" / "journal.db").exists()


def test_a_model_that_loads_for_seconds_is_no_failure(shop: Shop) -> None:
    shop.playbook("--load", "4")
    begun = time.monotonic()
    with shop.server("--load", "0", hung=True):
        done = shop.wd("run", "short", "--service", "shop", "--yes", "-o", "json")
    assert (done.code, done.last["outcome"]) == (0, "recovered"), done.err
    assert time.monotonic() - begun > 4 and len(shop.copies()) == 1


def test_a_model_that_loads_for_too_long_is_a_failure_that_says_so(shop: Shop) -> None:
    shop.playbook("--load", "60", ready="1s")
    done = shop.wd("start", "--service", "shop", "-o", "json")
    assert (done.code, done.last["outcome"]) == (2, "failed")
    assert "not ready within 1 s" in done.last["message"]


@pytest.mark.parametrize("words", [("start",), ("run", "short", "--yes")])
def test_a_server_that_dies_soon_after_the_start_is_a_failure_with_its_last_lines(
    shop: Shop, words: tuple[str, ...]
) -> None:
    shop.playbook("--dies-after", "2")
    done = shop.wd(*words, "--service", "shop", "-o", "json")
    assert (done.code, done.last["outcome"]) == (2, "failed")
    assert "code 7" in done.last["message"] and "price list is empty" in done.last["message"]


SUPERVISORCTL = """\
#!/bin/sh
# Stands in for a manager's own command, and is found where the person has it.
echo "$@" >> {folder}/told
case "$1" in
  start) setsid {python} {script} {port} $(cat {folder}/words) >/dev/null 2>&1 </dev/null & ;;
esac
exit 0
"""


def test_a_service_of_a_manager_is_started_by_the_command_that_the_person_has(shop: Shop) -> None:
    tools = shop.folder / "bin"
    tools.mkdir()
    for name in ("sh", "setsid", "cat"):  # nothing else: whatever managers this machine has, the test does not see them
        (tools / name).symlink_to(str(shutil.which(name)))
    words = {"folder": shop.folder, "python": sys.executable, "script": shop.script, "port": shop.port}
    (tools / "supervisorctl").write_text(SUPERVISORCTL.format(**words))
    (tools / "supervisorctl").chmod(0o755)
    (shop.folder / "words").write_text("")
    path = shop.folder / "playbooks" / "shop.yml"
    path.write_text(re.sub(r"  command: .*\n", "  through: supervisor:shop\n", path.read_text()))
    env = {"PATH": str(tools)}
    with shop.server(hung=True) as old:
        nowhere = {"PATH": str(shop.folder / "playbooks")}
        assert shop.wd("run", "short", "--service", "shop", "--yes", env=nowhere).code == 5  # its command is not there
        assert alive(old.pid)
        done = shop.wd("run", "short", "--service", "shop", "--yes", "-o", "json", env=env)
        assert (done.code, done.last["outcome"]) == (0, "recovered"), done
        assert (shop.folder / "told").read_text().splitlines() == ["start shop"]
        (new,) = shop.copies()
        assert json.loads(Path(done.last["report"]).with_suffix(".json").read_text())["new_pid"] == new
        # Nobody tells us of its end, and it is noticed all the same.
        (shop.folder / "words").write_text("--dies-after 2")
        done = shop.wd("run", "short", "--service", "shop", "--yes", "-o", "json", env=env)
        assert (done.code, done.last["outcome"]) == (2, "failed") and "has ended" in done.last["message"]


def test_an_address_alone_can_be_verified(shop: Shop) -> None:
    with running(str(SERVERS / "plain.py"), "{port}") as server:
        done = shop.wd("verify", "--url", f"{server.url}/health", "--healthy", "2", "-o", "json")
        assert (done.code, done.last["outcome"], done.last["pid"]) == (0, "done", server.pid), done
        dead = f"http://127.0.0.1:{free_port()}/"
        assert shop.wd("verify", "--url", dead, "--fallback", f"{server.url}/health", "--healthy", "1").code == 0
        failed = shop.wd("verify", "--url", dead, "--within", "1s", "-o", "json")
        assert (failed.code, failed.last["outcome"]) == (2, "failed")
        assert "nobody listens" in failed.last["message"]


def test_another_program_that_answers_in_its_place_is_no_proof(shop: Shop) -> None:
    other = shop.folder / "other.py"
    other.write_bytes(shop.script.read_bytes())
    with shop.server(script=other):
        verified = shop.wd("verify", "--service", "shop", "--within", "2s", "-o", "json")
        assert (verified.code, verified.last["outcome"]) == (2, "failed")
        assert "not the configured program" in verified.last["message"]
        started = shop.wd("start", "--service", "shop", "-o", "json")
        assert started.code == 5 and "another program" in started.out + started.err
        assert shop.copies() == []


def test_a_stop_that_was_refused_leaves_the_service_looked_after(shop: Shop) -> None:
    other = shop.folder / "other.py"
    other.write_bytes(shop.script.read_bytes())
    with shop.server(script=other) as server:
        assert shop.wd("stop", "--service", "shop").code == 5
        assert alive(server.pid)
    with shop.journal() as journal:
        assert journal.desired("shop").state == "running"


def test_what_cannot_be_started_is_told_before_anything_else(shop: Shop) -> None:
    path = shop.folder / "playbooks" / "shop.yml"
    path.write_text(re.sub(r"  command: .*\n", "  command: [/nonexistent/python]\n", path.read_text()))
    with shop.server() as server:
        assert shop.wd("restart", "--service", "shop").code == 5
        assert alive(server.pid)
    done = shop.wd("start", "--service", "shop", "-o", "json")
    assert done.code == 2 and "/nonexistent/python" in done.out


def test_a_stop_waits_until_another_wd_is_done_with_the_service(shop: Shop) -> None:
    with shop.server() as server, contextlib.ExitStack() as first:
        first.enter_context(target_lock(f"port:{shop.port}", "run short on shop"))
        stop = shop.begin("stop", "shop")
        assert stop.stdout is not None
        told = stop.stdout.readline()
        assert f"waiting up to 30s for run short on shop (pid {os.getpid()}" in told
        assert alive(server.pid)
        first.close()
        told += stop.communicate(timeout=60)[0]
        assert stop.returncode == 0, told
        assert "shop stays down" in told and not shop.copies()


def test_a_service_that_a_shell_line_starts_is_no_other_script_of_a_shell(shop: Shop) -> None:
    other = shop.folder / "backup"
    other.write_text("while :; do sleep 0.2; done\n")
    line = f"exec {sys.executable} {shop.script} {shop.port}"
    (shop.folder / "playbooks" / "shop.yml").write_text(
        "service: shop\nfind: {cmdline: no-such-words}\n"
        f"start: {{command: [/bin/sh, -c, {json.dumps(line)}], cwd: {shop.folder}}}\n"
    )
    with subprocess.Popen(["/bin/sh", other], cwd=shop.folder, start_new_session=True) as stranger:
        try:
            started = shop.wd("start", "shop", "-o", "json")
            assert started.code == 0 and shop.copies() == [started.last["pid"]], started
            assert shop.wd("stop", "shop").code == 0
            assert stranger.poll() is None and not shop.copies()
        finally:
            os.killpg(stranger.pid, signal.SIGKILL)
