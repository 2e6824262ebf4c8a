"""Every kind of probe against a real server, healthy and not."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import Server, alive, free_port, running, wait_for

from watchdog.model.playbook import Percent, Playbook, ProbeSpec
from watchdog.model.probing import Sample
from watchdog.model.process import Tree
from watchdog.model.selector import Selector
from watchdog.probes.registry import KINDS
from watchdog.probes.run import probe
from watchdog.system.net.tls import not_after
from watchdog.targets.resolve import resolve

SERVERS = Path(__file__).parents[1] / "servers"
PLAIN = str(SERVERS / "plain.py")


@pytest.fixture(scope="module")
def plain() -> Iterator[Server]:
    with running(PLAIN, "{port}") as server:
        yield server


@pytest.fixture
def tree(plain: Server) -> Tree:
    return resolve(Selector(port=plain.port))[0]


def ask(kind: str, subject: Any, port: int, tree: Tree | None = None, bookmark: str = "", **settings: Any) -> Sample:
    spec = ProbeSpec("p", kind, subject, timeout=5.0, settings=tuple(settings.items()))
    return probe(spec, Playbook("s", Selector(port=port)), tree, bookmark=bookmark)


def test_every_kind_has_its_file_and_never_raises() -> None:
    for kind in KINDS:
        sample = ask(kind, object(), free_port())
        assert sample.verdict in ("unknown", "failed"), kind
        assert sample.message


def test_an_unknown_kind_says_nothing_about_the_server() -> None:
    assert ask("telepathy", 1, 1).verdict == "unknown"


def test_connecting_says_that_it_cannot_see_hangs(plain: Server) -> None:
    found = ask("tcp", f"127.0.0.1:{plain.port}", plain.port)
    assert found.verdict == "ok"
    assert "hung" in found.message
    assert KINDS["tcp"].weak
    assert ask("tcp", f"127.0.0.1:{free_port()}", 1).verdict == "failed"


@pytest.mark.parametrize(
    ("kind", "fine", "too_much", "settings"),
    [
        ("process", 1, 2, {}),
        ("memory", 1 << 40, 4096, {}),
        ("memory", Percent(99.0), Percent(0.0001), {}),
        ("system-memory", Percent(99.9), Percent(0.001), {}),
        ("fds", 100_000, 1, {}),
        ("fds", Percent(99.0), Percent(0.001), {}),
        ("threads", 1000, 0, {}),
    ],
)
def test_a_measure_is_held_against_its_limit(
    plain: Server, tree: Tree, kind: str, fine: Any, too_much: Any, settings: dict[str, Any]
) -> None:
    good, bad = (ask(kind, limit, plain.port, tree, **settings) for limit in (fine, too_much))
    assert (good.verdict, bad.verdict) == ("ok", "failed"), (good, bad)
    assert good.value is not None
    assert good.value > 0


def test_cpu_is_what_was_used_between_two_looks(plain: Server, tree: Tree) -> None:
    first = ask("cpu", Percent(50.0), plain.port, tree)
    assert (first.verdict, first.value) == ("ok", None)
    with running(PLAIN, "{port}") as spinner:
        threading.Thread(target=_get, args=(spinner.port, "/spin"), daemon=True).start()
        there = resolve(Selector(port=spinner.port))[0]
        mark = ask("cpu", Percent(5.0), spinner.port, there).bookmark
        wait_for(lambda: ask("cpu", Percent(5.0), spinner.port, there, mark).verdict == "failed", "it uses CPU")


def test_a_server_that_is_gone_has_no_memory_to_be_too_much() -> None:
    with running(PLAIN, "{port}") as server:
        there = resolve(Selector(port=server.port))[0]
    for kind in ("memory", "cpu", "threads", "fds", "stdio"):
        assert ask(kind, 1, server.port, there).verdict == "unknown", kind
    assert ask("process", 1, server.port, there).verdict == "failed"


def test_room_on_a_disk_is_bytes_or_a_share(folder: Path) -> None:
    assert ask("disk", str(folder), 1, free=4096).verdict == "ok"
    assert ask("disk", str(folder), 1, free=Percent(99.999)).verdict == "failed"
    assert ask("disk", str(folder / "missing"), 1).verdict == "unknown"


def test_connections_that_wait_are_counted_without_asking_the_server() -> None:
    with running(PLAIN, "{port}", "--single") as server, contextlib.ExitStack() as kept:
        assert ask("queue", 3, server.port).verdict == "ok"
        os.kill(server.pid, signal.SIGSTOP)
        for _ in range(5):
            kept.enter_context(socket.create_connection(("127.0.0.1", server.port), 5))
        wait_for(lambda: ask("queue", 3, server.port).verdict == "failed", "the queue is seen")
    assert ask("queue", 3, free_port()).verdict == "unknown"


@pytest.mark.parametrize(("code", "verdict"), [(0, "ok"), (1, "slow"), (2, "failed"), (3, "unknown"), (77, "unknown")])
def test_a_command_speaks_as_monitoring_plugins_do(code: int, verdict: str) -> None:
    words = (sys.executable, "-c", f"print('told'); raise SystemExit({code})")
    found = ask("command", words, 1)
    assert found.verdict == verdict
    assert "told" in found.message


def test_a_command_that_hangs_is_ended_with_all_it_started() -> None:
    words = (sys.executable, "-c", "import os, time; os.fork(); time.sleep(600)")
    spec = ProbeSpec("p", "command", words, timeout=0.5)
    found = probe(spec, Playbook("s", Selector(port=1)))
    assert found.verdict == "failed"
    assert "no end within" in found.message


def test_a_command_that_is_not_there_is_our_own_mistake() -> None:
    assert ask("command", ("/nonexistent/program",), 1).verdict == "unknown"


def test_a_pipe_that_nobody_reads_is_seen_on_the_second_look(folder: Path) -> None:
    code = (
        "import subprocess, sys, time, socket\n"
        "listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdout.write(\"x\" * 1000000)'],"
        " stdout=subprocess.PIPE)\n"
        "time.sleep(600)\n"
    )
    script = folder / "parent.py"
    script.write_text(code)
    with running(str(script), "{port}") as server:
        tree: list[Tree] = []

        def two() -> bool:
            tree[:] = resolve(Selector(port=server.port))
            return bool(tree) and len(tree[0].members) == 2

        wait_for(two, "its child is there")
        mark = ""

        def stuck() -> bool:
            nonlocal mark
            found = ask("stdio", "pipes", server.port, tree[0], mark)
            mark = found.bookmark
            return found.verdict == "failed"

        wait_for(stuck, "the full pipe is seen")


def test_a_calm_pipe_is_no_trouble(plain: Server, tree: Tree) -> None:
    mark = ask("stdio", "pipes", plain.port, tree).bookmark
    assert ask("stdio", "pipes", plain.port, tree, mark).verdict == "ok"


def test_the_end_of_a_certificate_is_seen_whoever_signed_it() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SERVERS / "tls.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                with contextlib.suppress(OSError), context.wrap_socket(peer, server_side=True) as secured:
                    secured.recv(1)

    threading.Thread(target=serve, daemon=True).start()
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    try:
        assert ask("certificate", address, 1, left=86400.0).verdict == "ok"
        assert ask("certificate", address, 1, left=86400.0 * 365 * 200).verdict == "failed"
        assert ask("certificate", f"127.0.0.1:{free_port()}", 1).verdict == "unknown"
    finally:
        listener.close()
    pem = (SERVERS / "tls.pem").read_text()
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERT") :])
    assert not_after(der) > time.time() + 86400 * 365
    for cut in range(0, len(der), 7):
        with contextlib.suppress(ValueError, IndexError):
            not_after(der[:cut])


def test_a_hundred_commands_leave_no_zombie_and_no_descriptor() -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(100):
        assert ask("command", ("/bin/true",), 1).verdict == "ok"
    assert len(os.listdir("/proc/self/fd")) <= before + 2  # noqa: PTH208
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    assert all(alive(int(pid)) for pid in children)


def _get(port: int, path: str) -> None:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 60) as sock:
        sock.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        sock.recv(1)
