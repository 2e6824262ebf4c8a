"""What wd sends to a port that speaks no HTTP, counted on the wire: no byte, by any command."""

from __future__ import annotations

import contextlib
import ctypes
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import support
from test_steps_why import wd
from test_targets_protocols import postgres, redis

GRPC = (
    "import sys, time, grpc\nfrom concurrent.futures import ThreadPoolExecutor\n"
    "server = grpc.server(ThreadPoolExecutor(2))\nserver.add_insecure_port('127.0.0.1:' + sys.argv[1])\n"
    "server.start()\ntime.sleep(3600)\n"
)
LINES = (
    "import socket, sys\nsock = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
    "while True:\n    client, _ = sock.accept()\n    with client:\n        client.sendall(client.recv(100).upper())\n"
)
STREAMS = """
import asyncio, sys
async def answer(reader, writer):
    writer.write((await reader.readline()).upper())
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
"""
SECURE = f"""
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain({str(support.SERVERS / "tls.pem")!r})
sock = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    client, _ = sock.accept()
    try:
        with context.wrap_socket(client, server_side=True) as secure:
            secure.sendall(secure.recv(100))
    except OSError as error:
        print(error, flush=True)
"""
SCRIPTS = {"grpc": GRPC, "lines": LINES, "streams": STREAMS, "tls": SECURE}
OUTGOING = 4  # a packet on the loopback device is seen twice: as it leaves and as it arrives

NEW_NETWORK = 0x40000000

pytestmark = pytest.mark.root


@pytest.fixture(autouse=True)
def own_network() -> Iterator[None]:
    """A network that nobody else is on: another wd on this machine asks every server that it sees."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as usual:
        if shutil.which("ip") is None or libc.unshare(NEW_NETWORK) != 0:
            pytest.skip("no right to make a network here")
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
        finally:
            assert libc.setns(usual.fileno(), NEW_NETWORK) == 0


class Wire:
    """Bytes of TCP that have arrived at one port of the loopback device."""

    def __init__(self, port: int) -> None:
        self._port, self.first, self.count = port, b"", 0
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.1)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                packet, address = self._socket.recvfrom(70_000)
                if address[2] != OUTGOING:
                    self._take(packet[14:])

    def _take(self, packet: bytes) -> None:
        if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
            return
        head = (packet[0] & 15) * 4
        (total,) = struct.unpack_from("!H", packet, 2)
        tcp = packet[head:total]
        if len(tcp) < 20 or struct.unpack_from("!H", tcp, 2)[0] != self._port:
            return
        data = tcp[(tcp[12] >> 4) * 4 :]
        self.first = self.first or data[:80]
        self.count += len(data)

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()


@contextlib.contextmanager
def listened(port: int) -> Iterator[Wire]:
    wire = Wire(port)
    try:
        yield wire
    finally:
        wire.close()


@contextlib.contextmanager
def python(folder: Path, kind: str) -> Iterator[int]:
    (folder / "serve.py").write_text(SCRIPTS[kind])
    with support.running(str(folder / "serve.py"), "{port}", log=folder / "log") as server:
        yield server.port


@contextlib.contextmanager
def database(made: AbstractContextManager[tuple[int, Path]]) -> Iterator[int]:
    with made as (port, _):
        yield port


def started(kind: str, folder: Path) -> AbstractContextManager[int]:
    if kind == "redis":
        return database(redis(folder))
    if kind == "postgresql":
        return database(postgres(folder))
    return python(folder, kind)


def needs(name: str, there: object) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not there, reason=f"{name} is not installed")


KINDS = [
    pytest.param("redis", marks=needs("redis", shutil.which("redis-server"))),
    pytest.param("postgresql", marks=needs("PostgreSQL", shutil.which("initdb") and shutil.which("postgres"))),
    "lines",
    "streams",
]


def use_every_command(port: int, folder: Path) -> None:
    """`ps`, `find`, `why`, `verify` and the question of `kill`; then the server is ended."""
    for words in (("ps", "--all"), ("ps", "--hung"), ("find", f":{port}"), ("why", f":{port}", "--within", "3s"),
                  ("init", "--from", f":{port}"), ("verify", "--port", str(port), "--within", "3s"),
                  ("kill", "--port", str(port), "--dry-run")):  # fmt: skip
        wd(*words, folder=folder)
    ended = wd("kill", "--port", str(port), "--no-evidence", "--yes", "--force", folder=folder)
    assert ended.returncode == 0, ended


@pytest.mark.parametrize("kind", KINDS)
def test_no_command_sends_a_byte_to_what_speaks_no_http(kind: str, folder: Path) -> None:
    with started(kind, folder) as port, listened(port) as wire:
        use_every_command(port, folder)
        assert (wire.count, wire.first) == (0, b"")


def test_a_server_with_a_certificate_gets_nothing_that_is_not_tls(folder: Path) -> None:
    with started("tls", folder) as port, listened(port) as wire:
        use_every_command(port, folder)
        assert wire.first[:2] in (b"", b"\x16\x03"), wire.first
        assert "http request" not in (folder / "log").read_text().lower()


def test_the_wire_counts_what_is_sent(folder: Path) -> None:
    with started("lines", folder) as port, listened(port) as wire:
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(b"hello")
            assert sock.recv(10) == b"HELLO"
        support.wait_for(lambda: wire.count == 5, "the bytes are counted")
