"""`wd kill` through the command line: the one that is meant ends, whole and proven, and nobody else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from advised import follow
from homes import WD, Shop, shop_in, surroundings
from strangers import DROP, RUNS_WD
from support import SERVERS, alive, end_session, free_port, running


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


def test_a_kill_tells_what_ended_how_and_that_the_port_is_free(shop: Shop) -> None:
    with shop.server(hung=True) as old:
        done = shop.wd("kill", f":{shop.port}", "-o", "json")
    assert done.code == 0, done.err
    result = done.last
    assert set(result) >= {"outcome", "killed", "survivors", "ports", "seconds"}
    assert (result["outcome"], result["survivors"], result["ports"]) == (
        "done",
        [],
        [{"port": shop.port, "free": True}],
    )
    (ended,) = result["killed"]
    assert (ended["pid"], ended["signal"]) == (old.pid, "TERM") and ended["seconds"] >= 0
    assert not alive(old.pid)


def test_a_kill_by_itself_keeps_quick_evidence_and_none_only_when_asked(shop: Shop) -> None:
    def kinds(*words: str) -> set[str]:
        with shop.server(hung=True):
            done = shop.wd("kill", f":{shop.port}", *words)
        assert done.code == 0, done.err
        incident = done.err.rpartition("incidents open ")[2].strip()
        place = shop.folder / "logs" / "incidents" / incident / "evidence" / "manifest.json"
        if not place.exists():
            return set()
        return {one["kind"] for one in json.loads(place.read_text())["artifacts"] if one["path"]}

    quick = kinds()
    assert {"stacks", "threads", "processes"} <= quick
    assert kinds("--no-evidence") == set()
    assert {"machine", "descriptors"} <= kinds("--snapshot") - quick


def test_where_nothing_matches_nothing_is_done(shop: Shop) -> None:
    done = shop.wd("kill", f":{free_port()}", "-o", "json")
    assert (done.code, done.last["outcome"], done.last["killed"]) == (4, "nothing", [])
    by_service = shop.wd("kill", "--service", "shop", "-o", "json")
    assert (by_service.code, by_service.last["outcome"]) == (4, "nothing")


def test_another_instance_that_is_just_starting_is_not_the_service(shop: Shop) -> None:
    argv = [sys.executable, str(shop.script), str(free_port()), "--load", "600"]
    with subprocess.Popen(argv, start_new_session=True) as other:
        try:
            done = shop.wd("kill", "--service", "shop")
            assert done.code == 4 and "names another port" in done.err, done
            assert other.poll() is None
        finally:
            other.kill()


def test_who_started_us_and_the_first_process_are_never_ended(shop: Shop) -> None:
    # 0: our session's leader lives outside of this PID namespace, as in a container that was entered from outside
    for pid in {1, os.getpid(), os.getsid(0)} - {0}:
        done = shop.wd("kill", "--pid", str(pid), "--force", "--all", "--yes", "-o", "json")
        assert (done.code, done.last["outcome"]) == (5, "refused"), done
        assert "is not ended" in done.out


@pytest.mark.root
def test_no_pid_however_written_ends_a_process_that_is_not_meant(shop: Shop) -> None:
    """In a PID namespace of its own, so that a pid of 0, 1 or -1 that got through would end only what is in there."""
    code = (
        "import contextlib, io, json, os, sys\n"
        "from watchdog.cli.main import call\n"
        "canaries = []\n"
        "for _ in range(2):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        os.setsid(); os.execlp('sleep', 'sleep', '600')\n"
        "    canaries.append(pid)\n"
        "words = ['-1', '0', '1', '', '1_0', '\\u0661\\u0662', ' 12 ', '+5', '\\uff11\\uff12', '2147483648', '12.0',\n"
        "         '18446744073709551616', '-' + str(canaries[0]), '0' + str(canaries[0]), '0x2', str(os.getpid())]\n"
        "codes = {}\n"
        "for word in words:\n"
        "    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):\n"
        "        codes[word] = call(['kill', '--force', '--all', '--yes', '--pid', word])\n"
        "living = [os.waitpid(pid, os.WNOHANG) == (0, 0) for pid in canaries]\n"
        "print(json.dumps({'codes': codes, 'living': living}))\n"
    )
    argv = ["unshare", "-fp", "--mount-proc", "--kill-child", sys.executable, "-c", code]
    env = {**surroundings(), "WD_HOME": str(shop.folder)}
    done = subprocess.run(argv, capture_output=True, text=True, env=env, cwd="/", timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["codes"].values()) <= {3, 5} and found["codes"]["1"] == 5
    assert found["living"] == [True, True]


def test_an_empty_selector_ends_nobody(shop: Shop) -> None:
    with shop.server() as server:
        for words in ((), ("--all", "--yes"), ("--force",), ("--cmdline", ""), ("--pid", ""), ("--port", "0"), ("-",)):
            assert shop.wd("kill", *words).code in (3, 5)
        assert alive(server.pid)


def test_only_the_program_itself_is_ended_and_none_that_merely_names_it(shop: Shop) -> None:
    """Of `pkill -f moody.py` none of these would survive."""
    inert = "import time; time.sleep(600)"
    for name in ("observer_moody.py", "moodyXpy", "moody.py.bak.py"):
        (shop.folder / name).write_text(inert)
    (shop.folder / "moody.py.log").write_text("")
    python, folder = sys.executable, str(shop.folder)
    crowd = [
        [python, f"{folder}/observer_moody.py"],
        [python, f"{folder}/moodyXpy"],
        [python, f"{folder}/moody.py.bak.py"],
        [python, "-c", inert, f"{folder}/moody.py", str(shop.port)],
        ["tail", "-f", f"{folder}/moody.py.log"],
        ["sh", "-c", f"sleep 600; : {folder}/moody.py {shop.port}"],
        ["sleep", "600"],
    ]
    others = [subprocess.Popen(argv, start_new_session=True, stdout=subprocess.DEVNULL) for argv in crowd]
    try:
        with shop.server() as server:
            done = shop.wd("kill", "--cmdline", f"{folder}/moody.py", "--all", "--yes", "--no-evidence", "-o", "json")
            assert done.code == 0 and [one["pid"] for one in done.last["killed"]] == [server.pid], done
        assert [other.args for other in others if other.poll() is not None] == []
    finally:
        for other in others:
            end_session(other)


def test_our_own_shell_survives_a_pattern_that_stands_in_its_command_line(shop: Shop) -> None:
    """`sh -c 'pgrep -f X'` matches itself; a cron line that calls wd must not."""
    with shop.server() as server:
        line = (
            f"{' '.join(WD)} --home {shop.folder} kill --regex --cmdline {shop.script} --all --yes; echo still here $?"
        )
        done = subprocess.run(
            ["sh", "-c", line], capture_output=True, text=True, cwd="/", env=surroundings(), timeout=60, check=False
        )
        assert done.returncode == 0 and done.stdout.endswith("still here 0\n"), done
        assert not alive(server.pid)


def as_nobody(shop: Shop, *words: str) -> subprocess.CompletedProcess[str]:
    """`wd` by a user without any right."""
    env = surroundings(XDG_STATE_HOME="/nonexistent", HOME="/nonexistent")
    argv = [*DROP, *WD, *words]
    return subprocess.run(argv, capture_output=True, text=True, env=env, cwd="/", timeout=60, check=False)


@pytest.mark.root
@RUNS_WD
def test_a_server_of_another_user_is_refused_and_never_said_to_be_gone(shop: Shop) -> None:
    with shop.server() as server:
        port = f":{shop.port}"
        for words in (("kill", port, "--dry-run"), ("kill", "--pid", str(server.pid), "--dry-run"), ("snapshot", port)):
            done = as_nobody(shop, *words)
            assert done.returncode == 5, done
            assert "root" in done.stdout + done.stderr
        listed = as_nobody(shop, "ps")
        assert "not seen: who listens on port" in listed.stderr, listed  # the first ten, of whoever runs here
        assert "Run wd as root" in listed.stderr, listed
        assert alive(server.pid)


def test_a_pipe_of_targets_ends_exactly_those(shop: Shop) -> None:
    with shop.server() as server, running(str(SERVERS / "plain.py"), "{port}") as other:
        found = shop.wd("find", f":{shop.port}", "-o", "json")
        assert found.code == 0 and found.rows[0]["pid"] == server.pid
        done = shop.wd("kill", "-", "--yes", "-o", "json", stdin=found.out)
        assert done.code == 0 and [one["pid"] for one in done.last["killed"]] == [server.pid]
        assert alive(other.pid)


def test_a_pid_that_was_used_again_since_it_was_piped_hits_nobody(shop: Shop) -> None:
    with shop.server() as server:
        (target,) = shop.wd("find", f":{shop.port}", "-o", "json").rows
        boot, pid, ticks = target["identity"].rsplit(":", 2)
        for identity in (f"{boot}:{pid}:{int(ticks) - 1}", f"{'0' * 8}-{boot[9:]}:{pid}:{ticks}"):
            done = shop.wd("kill", "-", "--yes", "--force", stdin=json.dumps({**target, "identity": identity}))
            assert done.code == 4, done.err
        refused = shop.wd("kill", "-", "--yes", stdin=json.dumps({"pid": target["pid"]}))
        assert refused.code == 3
        assert follow(refused.err, shop.wd, shop.port) == ["wd ps -o json", "wd find :PORT -o json"]
        assert alive(server.pid)


def test_many_servers_at_once_need_a_yes_and_without_it_none_is_touched(shop: Shop) -> None:
    """One bad rule must not empty a machine."""
    crowd = shop.folder / "crowd.py"
    crowd.write_bytes(shop.script.read_bytes())
    mark = f"--mark={shop.folder}"
    servers = [
        subprocess.Popen([sys.executable, crowd, str(free_port()), mark], start_new_session=True) for _ in range(6)
    ]
    try:
        selector = ("--cmdline", str(crowd))
        one = shop.wd("kill", *selector, "-o", "json")
        assert one.code == 5 and "6 servers match" in one.out and "--all" in one.out
        capped = shop.wd("kill", *selector, "--all", "-o", "json")
        assert capped.code == 5 and "3 at most" in capped.out
        assert all(server.poll() is None for server in servers)
        assert shop.wd("kill", *selector, "--all", "--dry-run").code == 5
        done = shop.wd("kill", *selector, "--all", "--yes", "--no-evidence", "-o", "json")
        assert done.code == 0 and {one["pid"] for one in done.last["killed"]} == {server.pid for server in servers}
    finally:
        for server in servers:
            server.kill()
            server.wait(10)


def test_a_command_that_hung_servers_are_meant_by_ends_only_those(shop: Shop) -> None:
    with shop.server(hung=True) as hung, running(str(SERVERS / "plain.py"), "{port}") as healthy:
        listed = shop.wd("ps", "--hung", "-o", "json")
        pids = [row["pid"] for row in listed.rows]
        assert listed.code == 0 and hung.pid in pids and healthy.pid not in pids
        done = shop.wd("kill", "--hung", "--port", str(shop.port))
        assert done.code == 0 and not alive(hung.pid)
        assert shop.wd("kill", "--hung", "--port", str(healthy.port)).code == 4
        assert alive(healthy.pid)


def test_what_a_person_ended_is_remembered_as_wanted(shop: Shop) -> None:
    with shop.server():
        assert shop.wd("kill", "--service", "shop", "--yes").code == 0
    with shop.journal() as journal:
        assert journal.desired("shop").state == "stopped"
    assert shop.wd("start", "--service", "shop").code == 0
    with shop.journal() as journal:
        assert journal.desired("shop").state == "running"


def test_a_kill_comes_to_its_end_within_the_time_that_a_person_gives_it(shop: Shop) -> None:
    """The grace would be two minutes: it is cut so that SIGKILL and the proof still fit in."""
    with running(str(SERVERS / "family.py"), "{port}", "hydra") as server:
        done = shop.wd(
            "kill", f":{server.port}", "--grace", "2m", "--within", "6s", "--no-evidence", "--yes", "-o", "json"
        )
    assert done.code == 0, done.err
    assert done.last["outcome"] == "done"
    assert {one["signal"] for one in done.last["killed"]} >= {"KILL"}
    assert done.last["seconds"] < 100
