"""`wd kill --force --yes` does not look at everybody for the holders of a port, and still ends and spares the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import Shop, shop_in
from support import alive, connects, end_session, free_port, wait_for

from watchdog.system.net import ports
from watchdog.targets.scene import Scene

AT_ONCE = ("--force", "--no-evidence", "--yes", "-o", "json")
# Who listens, and somebody else who has the same socket: `far` is a program of another session that init has adopted.
SERVER = """
import os, socket, sys, time
kind, port, log = sys.argv[1], int(sys.argv[2]), sys.argv[3]
sock = socket.socket()
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, kind == "twins")
sock.bind(("127.0.0.1", port))
sock.listen(16)
def say(pid): open(log, "a").write(f"{pid}\\n")
if kind == "far" and os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.set_inheritable(sock.fileno(), True)
    say(os.getpid())
    os.execvp("sleep", ["sleep", "600"])
if kind == "shell":
    os.set_inheritable(sock.fileno(), True)
    if os.fork():
        os.execvp("sh", ["sh", "-c", "read line; true"])
    os.setsid()
say(os.getpid())
time.sleep(600)
"""


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


class Started:
    """One such server, and the pids that it has written down."""

    def __init__(self, kind: str, port: int, log: Path, most: int) -> None:
        self.port, self._log = port, log
        words = [sys.executable, "-c", SERVER, kind, str(port), str(log)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True)
        wait_for(lambda: connects(port) and len(self.pids) == most, "it listens")

    @property
    def pids(self) -> list[int]:
        return [int(word) for word in self._log.read_text().split()] if self._log.exists() else []

    def end(self) -> None:
        for pid in self.pids:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        end_session(self.process)


def test_a_holder_that_is_far_from_the_server_ends_with_it(shop: Shop, folder: Path) -> None:
    server = Started("far", free_port(), folder / "far.log", 2)
    try:
        done = shop.wd("kill", f":{server.port}", *AT_ONCE)
        assert (done.code, done.last["outcome"]) == (0, "done"), done
        assert {one["pid"] for one in done.last["killed"]} == {*server.pids}
        assert not any(map(alive, server.pids)) and ports.can_bind(server.port)
    finally:
        server.end()


@pytest.mark.parametrize("words", [AT_ONCE, ("--grace", "1s", "--no-evidence", "--yes", "-o", "json")])
def test_a_shell_that_has_the_socket_of_a_server_is_spared(words: tuple[str, ...], shop: Shop, folder: Path) -> None:
    server = Started("shell", free_port(), folder / "shell.log", 1)
    try:
        done = shop.wd("kill", f":{server.port}", *words)
        assert alive(server.process.pid), "the shell was ended"
        assert done.last["outcome"] == "failed"
        assert f"port {server.port} is held by pid {server.process.pid}" in done.last["message"]
        assert not any(map(alive, server.pids))
    finally:
        server.end()


def test_two_servers_on_one_port_are_two_also_at_once(shop: Shop, folder: Path) -> None:
    port = free_port()
    one, two = Started("twins", port, folder / "one", 1), Started("twins", port, folder / "two", 1)
    try:
        done = shop.wd("kill", f":{port}", *AT_ONCE)
        assert (done.code, done.last["outcome"]) == (5, "refused")
        assert "2 servers match" in done.last["message"]
        assert alive(one.process.pid) and alive(two.process.pid)
    finally:
        one.end()
        two.end()


def test_a_look_at_once_reads_the_descriptors_of_few(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = [subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(30)]
    server = Started("alone", free_port(), folder / "alone", 1)
    read: list[int] = []
    look = ports.holders
    try:
        monkeypatch.setattr(ports, "holders", lambda inodes, pids: look(inodes, (read.extend(pids), pids)[1]))
        listeners = Scene.look_for(server.port).listeners
        assert [one.holders for one in listeners if one.port == server.port] == [(server.process.pid,)]
        assert not {one.pid for one in crowd} & {*read}
        assert len(read) == len({*read})
    finally:
        server.end()
        for one in crowd:
            end_session(one)
