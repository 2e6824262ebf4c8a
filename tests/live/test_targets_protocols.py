"""Nothing is sent to what does not speak HTTP: real databases have nothing to report in their logs."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import databases
import pytest
import support
from test_steps_why import wd

from watchdog.model.selector import Selector
from watchdog.system.process import memory
from watchdog.targets import answering, protocols, resolve

GREETS = """
import socket, sys
sock = socket.socket(); sock.bind(("127.0.0.1", int(sys.argv[1]))); sock.listen()
while True:
    one = sock.accept()[0]
    try:
        one.sendall(bytes.fromhex(sys.argv[2])); print(one.recv(9), flush=True)
    except ConnectionError:  # who only looks whether it listens closes with the greeting unread: a reset
        pass
    one.close()
"""


@contextmanager
def redis(folder: Path) -> Iterator[tuple[int, Path]]:
    port, log = support.free_port(), folder / "redis.log"
    words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--logfile", str(log)]
    with _running(words, port):
        yield port, log


@contextmanager
def postgres(folder: Path) -> Iterator[tuple[int, Path]]:
    with databases.postgres(folder) as made:
        yield made.port, made.log


@contextmanager
def _running(words: list[str], port: int, user: str | None = None, out: object = subprocess.DEVNULL) -> Iterator[None]:
    process = subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT, start_new_session=True, user=user)  # type: ignore[call-overload]
    try:
        support.wait_for(lambda: support.connects(port), f"{words[0]} listens")
        yield
    finally:
        support.end_session(process)


def look_at(port: int, folder: Path) -> str:
    """Every command that asks; returns what `wd why` says."""
    wd("ps", "--all", "-o", "json", folder=folder)
    wd("find", f":{port}", "-o", "json", folder=folder)
    done = wd("why", f":{port}", "-o", "json", "--within", "4s", folder=folder)
    return str(json.loads(done.stdout.splitlines()[-1])["verdict"])


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_redis_has_no_attack_to_report(folder: Path) -> None:
    with redis(folder) as (port, log):
        assert look_at(port, folder) == "not-python"
        assert "SECURITY ATTACK" not in log.read_text()


@databases.needs_postgres
def test_postgresql_has_no_invalid_packet_to_report(folder: Path) -> None:
    with contextlib.ExitStack() as stack:
        port, log = stack.enter_context(postgres(folder))
        assert look_at(port, folder) == "not-python"
        assert "invalid length" not in log.read_text(errors="replace")


@pytest.mark.parametrize(
    ("greeting", "name"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "ssh"),
        (b"220 mail ESMTP\r\n", "smtp or ftp"),
        (b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00@\x00\x00", "grpc"),
        (b"\x4a\x00\x00\x00\x0a8.0.36\x00", "mysql"),
    ],
)
def test_a_greeting_names_the_protocol_of_a_program_that_is_not_known(
    greeting: bytes, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocols.libraries, "loads", lambda pid, library: True)  # as a gRPC server does
    path, log = folder / "greets.py", folder / "log"
    path.write_text(GREETS)
    with support.running(str(path), "{port}", greeting.hex(), log=log) as server:
        (tree,) = resolve.resolve(Selector(port=server.port))
        assert protocols.of_tree(tree, server.port) == name
        assert answering.ask(tree) == "unknown"
        assert "GET" not in log.read_text()


BY_HAND = """
from shop import talk
import socket, sys
sock = socket.socket(); sock.bind(("127.0.0.1", int(sys.argv[1]))); sock.listen()
while True:
    one = sock.accept()[0]
    try:
        one.sendall(talk.answer(one.recv(900)))
    except ConnectionError:
        pass
    one.close()
"""
TALKS = {
    "a protocol of its own": "def answer(said):\n    print(said, flush=True)\n    return b'?'\n",
    "http": "def answer(said):\n    return b'HTTP/1.0 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n'\n",
}


@pytest.mark.skipif(not memory.READABLE, reason="the memory of another process cannot be read here")
@pytest.mark.parametrize("spoken", TALKS)
def test_what_a_package_speaks_is_told_by_what_it_has_imported_and_by_its_own_files(spoken: str, folder: Path) -> None:
    package, log = folder / "shop", folder / "log"
    package.mkdir()
    for name, text in {"__init__": "", "__main__": BY_HAND, "talk": TALKS[spoken]}.items():
        (package / f"{name}.py").write_text(text)
    with support.running("-m", "shop", "{port}", cwd=folder, log=log) as server:
        (tree,) = resolve.resolve(Selector(port=server.port))
        assert protocols.of_tree(tree, server.port) == spoken
        assert answering.ask(tree) == ("healthy" if spoken == "http" else "unknown")
        assert "GET" not in log.read_text()
