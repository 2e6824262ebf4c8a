"""What the tests on Windows share: servers that are ended whatever becomes of the test, and wd as a person calls it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from watchdog.cli.main import call

SERVER = """
import http.server, os, socket, subprocess, sys, threading, time
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/hang":
            hang()
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *words): pass
def hang():
    return
def serve(kind=http.server.ThreadingHTTPServer):
    kind(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""
HEALTHY = "serve()\n"
WITHIN = 170.0  # seconds: Wine is slow, on a busy machine above all
PATIENT = ("--within", "90s")  # for a look that ends by itself once it knows the cause


class Programs:
    """Starts programs, and ends them (with their children) whatever becomes of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """A program of this Python."""
        return self.run(sys.executable, *words)

    def run(self, *words: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._started.append(child)
        return child

    def script(self, work: str = HEALTHY, name: str = "shop.py") -> Path:
        path = self.folder / name
        path.write_text(SERVER + work)
        return path

    def serve(self, work: str = HEALTHY, name: str = "shop.py") -> tuple[subprocess.Popen[bytes], int]:
        """A server that listens on a port of its own."""
        port = free_port()
        child = self.start(str(self.script(work, name)), str(port))
        wait_for(lambda: listens(port), "the server listens")
        return child, port

    def end(self) -> None:
        """All that was started here, and whatever runs a script of this folder."""
        for child in self._started:
            if child.poll() is None:
                family = psutil.Process(child.pid).children(recursive=True)
                for one in [*family, child]:
                    with contextlib.suppress(psutil.Error, OSError):
                        one.kill()
                child.wait(10)
        for one in processes_of(self.folder):
            with contextlib.suppress(psutil.Error):
                one.kill()


def command_lines() -> Iterator[tuple[psutil.Process, list[str]]]:
    """Every process with its command line; those are left out that end while they are asked."""
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            yield one, one.cmdline()


def processes_of(folder: Path) -> list[psutil.Process]:
    """Those that have a path of this folder in their command line."""
    return [
        one for one, words in command_lines() if one.pid != os.getpid() and any(str(folder) in word for word in words)
    ]


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    found = Programs(tmp_path)
    yield found
    found.end()


class Home:
    """A home with one service, whose server is a script of the test's folder."""

    def __init__(self, programs: Programs) -> None:
        self.programs, self.folder, self.port = programs, programs.folder / "home", free_port()
        for name in ("playbooks", "runbooks", "logs"):
            (self.folder / name).mkdir(parents=True)

    def service(self, work: str = HEALTHY, **more: Any) -> None:
        """Write its playbook."""
        script = self.programs.script(work)
        playbook = {
            "service": "shop",
            "find": {"port": self.port, "cmdline": "shop.py"},
            "start": {
                "command": [sys.executable, str(script), str(self.port)],
                "cwd": str(self.programs.folder),
                "ready": {"url": "/", "within": "100s"},
            },
            **more,
        }
        (self.folder / "playbooks" / "shop.yml").write_text(json.dumps(playbook))

    def wd(self, *words: str) -> subprocess.CompletedProcess[str]:
        return wd("--home", str(self.folder), *words)

    def wd_here(self, *words: str) -> subprocess.CompletedProcess[str]:
        return wd_here("--home", str(self.folder), *words)

    def holder(self) -> int:
        """The pid of the service's server; 0 if there is none."""
        return holder(self.port)

    def reports(self) -> list[str]:
        return [path.read_text(encoding="utf-8") for path in sorted(self.folder.rglob("report.md"))]


@pytest.fixture
def home(programs: Programs) -> Home:
    return Home(programs)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as sock:
        sock.settimeout(1.0)
        return sock.connect_ex(("127.0.0.1", port)) == 0


def holder(port: int) -> int:
    """The pid of who listens on a port; 0 if nobody does."""
    rows = (one for one in connections() if one.status == psutil.CONN_LISTEN and one.laddr)
    return next((one.pid or 0 for one in rows if one.laddr.port == port), 0)


def connections() -> list[Any]:
    """All TCP sockets. psutil asks for the size of the table first, and gives up if it has grown by then."""
    deadline = time.monotonic() + WITHIN
    while True:
        try:
            return psutil.net_connections("tcp")
        except RuntimeError:
            assert time.monotonic() < deadline, "the table of sockets grows all the time"


def answers(port: int) -> bool:
    """Whether the server answers a request."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.settimeout(5)
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return sock.recv(12).endswith(b"200")
    except OSError:
        return False


@contextlib.contextmanager
def asked(port: int, path: str = "/hang", times: int = 2) -> Iterator[None]:
    """Requests that wait for their answer meanwhile."""
    with contextlib.ExitStack() as stack:
        for _ in range(times):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
        yield


def wait_for(condition: Callable[[], object], what: str, pause: float = 0.1) -> None:
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline, f"not seen in time: {what}"
        time.sleep(pause)


def wd(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "watchdog.cli.main", *words], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, encoding="utf-8", timeout=WITHIN, check=False, env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip


def wd_here(*words: str) -> subprocess.CompletedProcess[str]:
    """The same in this interpreter, for a command that only reads: under Wine the start of another takes a second."""
    said, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
        code = call(words)
    return subprocess.CompletedProcess(words, code, said.getvalue(), errors.getvalue())


def told(done: subprocess.CompletedProcess[str]) -> str:
    """What a failed test shows of a command."""
    return f"code {done.returncode}\n{done.stdout}\n{done.stderr}"
