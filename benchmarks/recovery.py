"""From the hang of a FastAPI server to its next good answer, under `wd watch` with every 1s, timeout 1s, fails 2.

    python benchmarks/recovery.py stop|die|block|loop|lock|native [ROUNDS]

Needs fastapi and uvicorn (the extra `test`). Prints the server's own start-up time, each round and the median.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]
APP = """
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
PLAYBOOK = """
service: api
find: {{port: {port}}}
start:
  command: [{python}, -m, uvicorn, "app:app", --port, "{port}", --log-level, warning]
  cwd: {home}
  ready: {{within: 10s}}
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


def make_home(folder: Path, port: int) -> Path:
    for name in ("playbooks", "runbooks", "logs"):
        (folder / name).mkdir(mode=0o700)
    (folder / "app.py").write_text(APP)
    (folder / "playbooks" / "api.yml").write_text(PLAYBOOK.format(port=port, python=sys.executable, home=folder))
    return folder


def wd(home: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "watchdog.cli.main", "--home", str(home), *words]


def harm(how: str, pid: int, port: int) -> None:
    if how in ("stop", "die"):
        os.kill(pid, signal.SIGSTOP if how == "stop" else signal.SIGKILL)
    else:
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(f"GET /{how} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())


def one_round(how: str, port: int) -> float:
    """Seconds until another process answers well."""
    time.sleep(4 + random.random())  # anywhere between two questions of the loop
    pid = who_answers(port, 2)
    begun = time.monotonic()
    harm(how, pid, port)
    while who_answers(port) in (0, pid):
        time.sleep(0.01)
    return time.monotonic() - begun


def main() -> None:
    how, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7
    with tempfile.TemporaryDirectory(prefix="wd-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as place:
        port = free_port()
        home = make_home(Path(place), port)
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        quiet = {"env": env, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(wd(home, "start", "--service", "api"), check=True, **quiet)  # type: ignore[call-overload]
        subprocess.run(wd(home, "kill", "--service", "api", "--no-evidence", "--yes"), check=True, **quiet)  # type: ignore[call-overload]
        begun = time.monotonic()
        line = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--log-level", "warning"]
        with subprocess.Popen(line, cwd=home) as alone:
            while not who_answers(port):
                time.sleep(0.01)
            print(f"the server's own start-up: {time.monotonic() - begun:.2f} s")
            alone.terminate()
        subprocess.run(wd(home, "start", "--service", "api"), check=True, **quiet)  # type: ignore[call-overload]
        loop = subprocess.Popen(wd(home, "watch"), **quiet)  # type: ignore[call-overload]
        try:
            times = [one_round(how, port) for _ in range(rounds)]
            print(how, "to the next good answer:", " ".join(f"{one:.2f}" for one in times))
            print(f"median {statistics.median(times):.2f} s")
        finally:
            loop.terminate()
            loop.wait()
            subprocess.run(wd(home, "stop", "--service", "api", "--yes"), check=False, **quiet)  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
