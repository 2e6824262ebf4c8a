"""Stand-ins of the services that carry messages: one listener for all that speak HTTP, one for mail.

A child gets `environment()`: there every name of the net leads to the listener, whose certificate it trusts.
"""

from __future__ import annotations

import contextlib
import json
import os
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from homes import ROOT

NAMES = ("hooks.slack.com", "events.pagerduty.com", "prod.westus.logic.azure.com")
REDIRECT = """
import socket
real = socket.getaddrinfo
def found(host, port, *args, **more):
    if host in {names!r}:
        return real("127.0.0.1", {port}, *args, **more)
    return real(host, port, *args, **more)
socket.getaddrinfo = found
"""


class Channels:
    """What arrived, in order: (host, path, JSON or text)."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.got = folder, list[tuple[str, str, Any]]()
        self.mails: list[str] = []
        self.refused: set[str] = set()  # paths that are answered with 500
        self.plain, self.secret = self._listener(), self._listener()
        self._certificate()
        self.mail = _Mail(("127.0.0.1", 0), _MailHandler)
        self.mail.mails = self.mails
        self.servers = (self.plain, self.secret, self.mail)
        for server in self.servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.plain.server_address[1])

    def bodies(self, path: str = "") -> list[Any]:
        return [body for _host, at, body in self.got if at.startswith(path)]

    def environment(self) -> dict[str, str]:
        text = REDIRECT.format(names=NAMES, port=self.secret.server_address[1])
        (self.folder / "sitecustomize.py").write_text(text)
        certificate = str(self.folder / "cert.pem")
        return {"PYTHONPATH": f"{self.folder}{os.pathsep}{ROOT}", "REQUESTS_CA_BUNDLE": certificate}

    def _listener(self) -> ThreadingHTTPServer:
        channels = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                path = self.path
                if path in channels.refused:
                    self.send_error(500)
                    return
                with contextlib.suppress(ValueError):
                    raw = json.loads(raw)
                channels.got.append((str(self.headers["Host"]).partition(":")[0], path, raw))
                answer = b"ok" if path.startswith("/services/") else b'{"id": "1", "event": "message"}'
                self.send_response(202 if "logic.azure" in str(self.headers["Host"]) else 200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *words: object) -> None:
                pass

        return ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def _certificate(self) -> None:
        names = ",".join(f"DNS:{name}" for name in NAMES)
        words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=stand-in"]
        more = ["-addext", f"subjectAltName={names}", "-keyout", "key.pem", "-out", "cert.pem"]
        subprocess.run([*words, *more], cwd=self.folder, check=True, capture_output=True, timeout=60)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "cert.pem", self.folder / "key.pem")
        self.secret.socket = context.wrap_socket(self.secret.socket, server_side=True)


class _Mail(socketserver.ThreadingTCPServer):
    daemon_threads = True
    mails: list[str]


class _MailHandler(socketserver.StreamRequestHandler):
    """As much of SMTP as a sender needs."""

    def handle(self) -> None:
        self._say("220 stand-in")
        while line := self.rfile.readline().decode(errors="replace").strip():
            word = line.upper()
            if word.startswith("DATA"):
                self._say("354 go on")
                rows = iter(lambda: self.rfile.readline().decode(errors="replace").rstrip("\r\n"), ".")
                self.server.mails.append("\n".join(rows))  # type: ignore[attr-defined]
            if word.startswith("QUIT"):
                self._say("221 bye")
                return
            self._say("250 ok")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextlib.contextmanager
def channels_in(folder: Path) -> Iterator[Channels]:
    made = Channels(folder)
    try:
        yield made
    finally:
        for server in made.servers:
            server.shutdown()
            server.server_close()
