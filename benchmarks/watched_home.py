"""FastAPI servers in a home of their own, for the benchmarks of recovery: their playbooks, their harm, who answers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from side_by_side import ENVIRONMENT

ROOT = Path(__file__).parents[1]
_APP = """
import os, re, threading, time
from fastapi import FastAPI
app = FastAPI()

@app.get("/health")
async def health():
    return {"pid": os.getpid()}

@app.get("/block")
async def block():
    time.sleep(3600)

@app.get("/loop")
async def loop():
    number = 0
    while True:
        number += 1

cash = threading.Lock()

@app.get("/lock")
async def lock():
    with cash:
        with cash:
            return {}

@app.get("/native")
async def native():
    return bool(re.match("(a+)+$", "a" * 60 + "!"))
"""
_PLAYBOOK = """
service: {name}
find: {{port: {port}}}
start:
  command: [{python}, -m, uvicorn, "app:app", --port, "{port}", --log-level, warning]
  cwd: {home}
  ready: {{within: 30s}}
probes:
  health: {{http: /health, every: 1s, timeout: 1s, fails: 2}}
triggers:
  - {{on: death, run: dead-server}}
  - {{on: health, run: frozen-server}}
policy:
  mode: act
  per_hour: 0
  per_hour_everywhere: 0
  backoff: {{first: 100ms, max: 100ms, reset_after: 1s}}
  give_up: {{restarts: 1000, within: 1m}}
"""
_PATIENCE = 120.0  # seconds for a server to come back: then the benchmark fails


class Home:
    """Some services, each on a port of its own."""

    def __init__(self, folder: Path, services: int) -> None:
        self.folder = folder
        self.ports = {f"s{number:02}": free_port() for number in range(services)}
        for name in ("playbooks", "runbooks", "logs"):
            (folder / name).mkdir(mode=0o700)
        (folder / "app.py").write_text(_APP)
        for name, port in self.ports.items():
            text = _PLAYBOOK.format(name=name, port=port, python=sys.executable, home=folder)
            (folder / "playbooks" / f"{name}.yml").write_text(text)

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """A command of wd in this home, silent."""
        line = [sys.executable, "-m", "watchdog.cli.main", "--home", str(self.folder), *words]
        env = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(line, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def do(self, *words: str) -> None:
        if code := self.begin(*words).wait():
            raise RuntimeError(f"wd {' '.join(words)} ended with {code}")

    @contextlib.contextmanager
    def own_start(self, port: int) -> Iterator[float]:
        """The server without wd, in a session of its own; the seconds until its first good answer."""
        line = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--log-level", "warning"]
        begun = time.monotonic()
        with subprocess.Popen(line, cwd=self.folder, start_new_session=True) as alone:
            try:
                came_back(port, 0)
                yield time.monotonic() - begun
            finally:
                if alone.poll() is None:
                    alone.kill()

    def stop(self) -> None:
        for name in self.ports:
            self.begin("stop", "--service", name, "--yes").wait()


@contextlib.contextmanager
def home(services: int = 1) -> Iterator[Home]:
    """A new one; its servers end with the block."""
    with tempfile.TemporaryDirectory(prefix="wd-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as place:
        made = Home(Path(place), services)
        try:
            yield made
        finally:
            made.stop()


@contextlib.contextmanager
def watched(made: Home) -> Iterator[None]:
    """Under `wd watch` within the block."""
    loop = made.begin("watch")
    try:
        yield
    finally:
        loop.terminate()
        loop.wait()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def who_answers(port: int, timeout: float = 0.2) -> int:
    """Pid of the server that answers now, 0 for none."""
    url = f"http://127.0.0.1:{port}/health"
    with contextlib.suppress(OSError, ValueError), urllib.request.urlopen(url, timeout=timeout) as reply:
        return int(json.load(reply)["pid"])
    return 0


def came_back(port: int, before: int) -> float:
    """The moment of the first good answer of another process than this one, on the monotonic clock."""
    latest = time.monotonic() + _PATIENCE
    while time.monotonic() < latest:
        if who_answers(port) not in (0, before):
            return time.monotonic()
        time.sleep(0.01)
    raise RuntimeError(f"no server came back on port {port}")


def harm(how: str, pid: int, port: int) -> None:
    """The server stops, dies or hangs in one of the ways of the app."""
    if how in ("stop", "die"):
        os.kill(pid, signal.SIGSTOP if how == "stop" else signal.SIGKILL)
    else:
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(f"GET /{how} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
