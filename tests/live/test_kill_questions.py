"""What seems to be well, or not to be meant, is ended only with a yes; and what happens next is said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import Shop, shop_in
from support import SERVERS, alive, connects, end_session, free_port, running, wait_for


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


@pytest.mark.parametrize("words", [(), ("--force",), ("--all",)])
def test_what_answers_well_is_not_ended_without_a_yes(words: tuple[str, ...], shop: Shop) -> None:
    with shop.server() as server:
        done = shop.wd("kill", f":{shop.port}", *words, "-o", "json")
        assert (done.code, done.last["outcome"]) == (5, "refused")
        assert "answers well" in done.last["message"] and "--yes" in done.last["message"]
        assert alive(server.pid)
        assert shop.wd("kill", f":{shop.port}", *words, "--yes").code == 0
        assert not alive(server.pid)


def test_the_plan_names_whom_it_ends(shop: Shop) -> None:
    with shop.server():
        done = shop.wd("kill", f":{shop.port}", "--dry-run", "-o", "json")
        (plan,) = done.last["plans"]
        assert done.code == 0
        assert plan["whom"]["program"] == "python moody.py" and plan["whom"]["answers"] == "healthy"
        assert set(plan["whom"]) == {"program", "title", "user", "age", "answers", "requests"}
        shown = shop.wd("kill", f":{shop.port}", "--yes")
        assert "to end: python moody.py of user" in shown.err
        assert "answers" not in shown.err  # nothing is left to decide: the server is not asked


def test_a_server_that_is_not_python_is_not_ended_without_a_yes(shop: Shop) -> None:
    port = free_port()
    perl = "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0],"
    argv = ["perl", "-e", f"{perl} Listen => 5); sleep 600", str(port)]
    with subprocess.Popen(argv, start_new_session=True) as server:
        try:
            wait_for(lambda: connects(port), "it listens")
            done = shop.wd("kill", f":{port}")
            assert done.code == 5 and "is not a Python server" in done.out + done.err
            assert server.poll() is None
            assert shop.wd("kill", f":{port}", "--yes").code == 0
        finally:
            end_session(server)


@pytest.mark.parametrize("name", ["docker-proxy", "ssh", "socat"])
def test_a_proxy_stands_for_another_server_and_is_not_ended_without_a_yes(name: str, shop: Shop) -> None:
    port = free_port()
    code = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(600)"
    with subprocess.Popen([f"/nowhere/{name}", "-c", code], executable=sys.executable, start_new_session=True) as proxy:
        try:
            wait_for(lambda: connects(port), "it listens")
            done = shop.wd("kill", f":{port}")
            assert done.code == 5 and "is a proxy or a tunnel" in done.out + done.err
            assert proxy.poll() is None
        finally:
            end_session(proxy)


def test_the_frozen_server_runbook_stops_before_the_kill_when_it_finds_the_server_healthy(shop: Shop) -> None:
    run = ("run", "frozen-server", "--service", "shop", "--set", "evidence=1s", "-o", "json")
    with shop.server() as server:
        done = shop.wd(*run)
        assert (done.code, done.last["outcome"]) == (5, "refused"), done
        assert "found it healthy" in done.last["message"]
        assert alive(server.pid)
        done = shop.wd(*run, "--yes")
        assert (done.code, done.last["outcome"]) == (0, "recovered"), done
        assert not alive(server.pid)


@pytest.mark.parametrize("by", ["port", "service", "pid"])
def test_a_kill_means_the_same_whatever_selects_the_service(by: str, shop: Shop) -> None:
    with shop.server(hung=True) as server:
        words = {"port": str(shop.port), "service": "shop", "pid": str(server.pid)}
        done = shop.wd("kill", f"--{by}", words[by], "-o", "json")
        assert (done.code, done.last["next"]) == (0, "no-loop"), done
    with shop.journal() as journal:
        assert journal.desired("shop").state == "stopped"
    told = shop.wd("stop", "--service", "shop")
    assert told.code == 0


def test_a_kill_of_what_no_playbook_names_says_that_nothing_starts_it_again(shop: Shop) -> None:
    with running(str(SERVERS / "plain.py"), "{port}") as server:
        done = shop.wd("kill", f":{server.port}", "--yes")
        assert done.code == 0
        assert "No service of a playbook was ended" in done.out
