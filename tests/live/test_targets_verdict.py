"""One quick question tells a healthy server from one that hangs."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from support import SERVERS, Server, running, wait_for

from watchdog.model.errors import WrongUsage
from watchdog.model.exits import Exit
from watchdog.model.process import Tree
from watchdog.model.selector import Selector
from watchdog.steps import find
from watchdog.steps.spec import Context
from watchdog.system.child import commands
from watchdog.system.net import http
from watchdog.targets import answering, resolve

PLAIN = str(SERVERS / "plain.py")
TARGET = """pid started identity name cmdline exe cwd user parent role ports service managed_by cpu_percent rss
    threads verdict"""
SILENT = """
import socket, sys, time
sock = socket.socket(); sock.bind(("127.0.0.1", int(sys.argv[1]))); sock.listen()
held = []
while True:
    held.append(sock.accept()[0])
"""
ECHO = """
import socket, sys
sock = socket.socket(); sock.bind(("127.0.0.1", int(sys.argv[1]))); sock.listen()
while True:
    one = sock.accept()[0]; one.sendall(b"-ERR unknown command\\r\\n"); one.close()
"""
SECURE = """
import ssl, sys
from http.server import HTTPServer, SimpleHTTPRequestHandler
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2] + "/cert", sys.argv[2] + "/key")
server = HTTPServer(("127.0.0.1", int(sys.argv[1])), SimpleHTTPRequestHandler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
HALF = """
import sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            time.sleep(3600)
        self.send_error(404)
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
SLOW = HALF.replace('"/health"', '"/"').replace("3600", "1.3")


def tree(server: Server) -> Tree:
    return resolve.resolve(Selector(port=server.port))[0]


def hang(server: Server) -> None:
    http.ask(f"{server.url}/sleep", timeout=0.3)


def context(**selection: Any) -> Context:
    return Context(
        Selector(**selection), say=lambda line: None, ask=lambda question: False, folder=Path(), state=Path()
    )


def test_an_answering_server_is_healthy_and_a_hanging_one_hung() -> None:
    with running(PLAIN, "{port}", "--single") as server:
        assert answering.ask(tree(server), 10) == "healthy"
        hang(server)
        assert answering.ask(tree(server), 0.5) == "hung"


def test_a_stopped_server_hangs_although_it_takes_connections() -> None:
    with running(PLAIN, "{port}") as server:
        os.kill(server.pid, signal.SIGSTOP)
        wait_for(lambda: tree(server).root.state == "T", "it is stopped")
        assert answering.ask(tree(server)) == "hung"


def test_a_slow_answer_is_slow() -> None:
    with running("-c", SLOW, "{port}") as server:
        assert answering.ask(tree(server), 30) == "slow"


def test_a_server_that_only_knows_missing_pages_hangs_when_its_health_page_does() -> None:
    with running("-c", HALF, "{port}") as server:
        assert answering.ask(tree(server), 2) == "hung"


def test_what_speaks_another_protocol_is_unknown() -> None:
    with running("-c", ECHO, "{port}") as server:
        assert answering.ask(tree(server), 5) == "unknown"


def test_a_server_with_tls_and_a_certificate_that_nobody_vouches_for_is_healthy(folder: Path) -> None:
    made = commands.run(
        ["sh", "-c", "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -days 1 -keyout key -out cert"],
        timeout=60,
        cwd=folder,
    )
    if not made.ok:
        pytest.skip(f"no certificate could be made: {made.error or made.output[-200:]}")
    with running("-c", SECURE, "{port}", str(folder)) as server:
        assert answering.ask(tree(server), 10) == "healthy"


def test_a_dead_server_is_down() -> None:
    with running(PLAIN, "{port}") as server:
        before = tree(server)
        server.process.kill()
        server.process.wait(10)
        assert answering.ask(before) == "down"


def test_a_dozen_hung_servers_are_asked_at_once() -> None:
    with contextlib.ExitStack() as stack:
        several = [stack.enter_context(running("-c", SILENT, "{port}", listening=False)) for _ in range(12)]
        wait_for(lambda: all(resolve.resolve(Selector(port=server.port)) for server in several), "all listen")
        trees = [tree(server) for server in several]
        # One after the other they would take twice the time that is waited for all: the later ones would be unknown.
        assert answering.ask_all(trees, 2) == ("hung",) * 12


def test_find_lists_every_process_with_all_that_the_contract_names() -> None:
    with running(PLAIN, "{port}") as server:
        result = find.find(context(port=server.port), {})
        assert (result.outcome, result.exit, len(result.rows)) == ("ok", Exit.FINE, 1)
        row = dict(result.rows[0])
        assert (row["pid"], row["role"], row["ports"], row["verdict"]) == (server.pid, "main", [server.port], "healthy")
        assert row["cmdline"] == [sys.executable, PLAIN, str(server.port)]
        assert set(TARGET.split()) <= set(row)
        assert str(server.pid) in result.text


def test_find_of_nothing_says_so_with_its_own_exit_code() -> None:
    with running(PLAIN, "{port}") as server:
        port = server.port
    result = find.find(context(port=port), {})
    assert (result.outcome, result.exit, result.rows) == ("nothing", Exit.NOTHING, ())


def test_find_without_a_name_asks_for_one() -> None:
    with pytest.raises(WrongUsage, match="no server was named"):
        find.find(context(), {})


def test_ps_lists_every_server_once_and_with_hung_only_those_that_hang() -> None:
    with running(PLAIN, "{port}") as healthy, running(PLAIN, "{port}") as stopped:
        os.kill(stopped.pid, signal.SIGSTOP)
        everybody = {row["pid"]: row for row in find.ps(context(), {}).rows}
        assert everybody[healthy.pid]["verdict"] == "healthy"
        assert everybody[stopped.pid]["verdict"] == "hung"
        assert everybody[healthy.pid]["ports"] == [healthy.port]
        hung = {row["pid"] for row in find.ps(context(), {"hung": True}).rows}
        assert stopped.pid in hung and healthy.pid not in hung
        assert [row["pid"] for row in find.find(context(hung=True, port=stopped.port), {}).rows] == [stopped.pid]
        assert find.find(context(hung=True, port=healthy.port), {}).rows == ()
