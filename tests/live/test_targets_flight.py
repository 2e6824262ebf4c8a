"""What a server's connections tell of its work: requests under way, and answers that go out to others."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from support import wait_for

from watchdog.model.process import Tree
from watchdog.model.selector import Selector
from watchdog.targets.flight import answered_within, in_flight
from watchdog.targets.resolve import resolve

ANSWER = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/slow":
            ANSWER.wait(120)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Tree]:
    """Served by this very process: it is all about the connections."""
    ANSWER.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as made:
        made.daemon_threads = True
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield resolve(Selector(port=made.server_address[1]), None)[0]
        ANSWER.set()
        made.shutdown()


def ask(tree: Tree, path: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", tree.ports[0]))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return client


def test_a_request_counts_until_it_is_answered(server: Tree) -> None:
    with ask(server, "/slow") as client:
        wait_for(lambda: in_flight(server) == 1, "the request is seen")
        assert answered_within(server, 60) == 0
        ANSWER.set()
        assert client.recv(100)
        wait_for(lambda: in_flight(server) == 0, "it is over")


def test_who_was_answered_meanwhile_is_a_sign_of_life(server: Tree) -> None:
    with ask(server, "/slow"), ask(server, "/") as other:
        assert other.recv(100)
        wait_for(lambda: answered_within(server, 60) == 1, "the answer is seen")
        wait_for(lambda: answered_within(server, 0.05) == 0, "an old one is none")
