"""`wd why` of what has no port, or answers nothing there: a verdict, a line, and never a healthy one blamed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import support
from interpreters import NEEDS_TRACER
from test_steps_why import wd

from watchdog.evidence import stacks
from watchdog.system.net import ports

pytestmark = NEEDS_TRACER

SPINS = "def total():\n    while True:\n        pass\ntotal()\n"
ROUNDS = "import time\ndef work():\n    return sum(range(1000))\nwhile True:\n    work()\n    time.sleep(0.2)\n"
ASKS = (
    "import socket, sys\ns = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
    "s.sendall(b'hello')\nprint(s.recv(10))\n"
)
ECHO = "import sys\nfor line in sys.stdin:\n    print(line, flush=True)\n"
SCHEDULER = (
    "from apscheduler.schedulers.blocking import BlockingScheduler\nimport sys\n"
    "def job():\n    while len(sys.argv) > 1:\n        pass\n"
    "s = BlockingScheduler()\ns.add_job(job, 'interval', seconds=0.2)\ns.start()\n"
)


@contextmanager
def script(source: str, folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a session of its own; ended with all that it started."""
    path = folder / "script.py"
    path.write_text(source)
    argv = [sys.executable, str(path), *arguments]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    try:
        support.wait_for(lambda: "script.py" in _functions(process.pid), "the script's first lines")
        yield process
    finally:
        support.end_session(process)


def _functions(pid: int) -> str:
    found = stacks.dump(pid)
    return " ".join(frame.file for thread in found.threads for frame in thread.frames)


def told(process: subprocess.Popen[bytes], folder: Path) -> dict[str, Any]:
    done = wd("why", "--pid", str(process.pid), "-o", "json", folder=folder)
    record: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**record, "exit": done.returncode}


def test_a_script_that_spins_is_a_busy_loop_at_its_line(folder: Path) -> None:
    with script(SPINS, folder) as process:
        found = told(process, folder)
        assert (found["verdict"], found["exit"]) == ("busy-loop", 2)
        assert found["findings"][0]["culprit"]["line"] in (2, 3)


def test_a_script_between_two_rounds_is_healthy(folder: Path) -> None:
    with script(ROUNDS, folder) as process:
        found = told(process, folder)
        assert (found["verdict"], found["exit"]) == ("healthy", 0)


def test_a_script_that_has_asked_a_silent_peer_names_it(folder: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        with script(ASKS, folder, str(port)) as process:
            found = told(process, folder)
            assert found["verdict"] == "external-wait"
            assert found["findings"][0]["peer"] == f"127.0.0.1:{port}"
            assert found["findings"][0]["culprit"]["line"] == 4


def test_a_child_that_waits_for_its_parents_next_line_is_healthy(folder: Path) -> None:
    with script(ECHO, folder) as process:
        found = told(process, folder)
        assert (found["verdict"], found["exit"]) == ("healthy", 0)


def test_a_scheduler_between_two_jobs_is_healthy_and_its_endless_job_is_found(folder: Path) -> None:
    with script(SCHEDULER, folder) as process:
        assert told(process, folder)["verdict"] == "healthy"
    with script(SCHEDULER, folder, "endless") as process:
        found = told(process, folder)
        assert found["verdict"] == "busy-loop"
        assert found["findings"][0]["culprit"]["function"] == "job"


DRAINS = """
import socket, sys, time
sock = socket.socket(); sock.bind(("127.0.0.1", int(sys.argv[1]))); sock.listen()
client, _ = sock.accept()
sock.close()
while True:
    time.sleep(0.25)
"""


def test_a_server_that_has_closed_its_port_and_keeps_a_client_is_found_by_the_port(folder: Path) -> None:
    port = support.free_port()
    with script(DRAINS, folder, str(port)) as process:
        support.wait_for(lambda: ports.accept_queue(port), "its port")  # it takes one client only
        with _client(port):
            support.wait_for(lambda: not support.connects(port), "the port to be closed")
            done = wd("why", f":{port}", "-o", "json", "--within", "4s", folder=folder)
            found = json.loads(done.stdout.splitlines()[-1])
            assert found["target"]["pid"] == process.pid


@contextmanager
def _client(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        yield sock


HALF = """
import sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == sys.argv[2]:
            time.sleep(3600)
        self.send_error(404)
    def log_message(self, *words): pass
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@contextmanager
def half(folder: Path, page: str) -> Iterator[int]:
    """A server of which one page hangs while every other one is answered with 404."""
    path = folder / "half.py"
    path.write_text(HALF)
    with support.running(str(path), "{port}", page) as server:
        threading.Thread(target=support.connects, args=(server.port,), daemon=True).start()
        yield server.port


def listed_as(port: int, *words: str, folder: Path) -> str:
    done = wd(*words, "ps", "-o", "json", folder=folder)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return next(str(row["verdict"]) for row in rows if port in row.get("ports", ()))


def test_ps_and_why_agree_on_a_server_whose_health_page_hangs_behind_a_404(folder: Path) -> None:
    with half(folder, "/health") as port:
        done = wd("why", f":{port}", "-o", "json", folder=folder)
        found = json.loads(done.stdout.splitlines()[-1])
        assert (listed_as(port, folder=folder), found["verdict"] == "healthy") == ("hung", False)
        assert found["findings"][0]["culprit"]["function"].endswith("do_GET")


def test_inside_a_home_the_page_of_the_playbook_is_asked_by_ps_and_by_why(folder: Path) -> None:
    with half(folder, "/ready") as port:
        for name in ("playbooks", "logs", "runbooks"):
            (folder / name).mkdir(mode=0o700)
        playbook = folder / "playbooks" / "shop.yml"
        playbook.write_text(f"service: shop\nfind: {{port: {port}}}\nprobes: {{web: {{http: /ready}}}}\n")
        playbook.chmod(0o600)
        done = wd("--home", str(folder), "why", f":{port}", "-o", "json", folder=folder)
        found = json.loads(done.stdout.splitlines()[-1])
        assert (listed_as(port, "--home", str(folder), folder=folder), found["verdict"] == "healthy") == ("hung", False)
