"""What `wd why` advises is done as it stands, and helps."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import threading
import urllib.request
from pathlib import Path

import pytest
import support
from test_steps_why import wd

from watchdog.evidence import stacks
from watchdog.system.process import processes

pytestmark = pytest.mark.skipif(stacks.tracer() is None, reason="py-spy is not installed beside wd")
APP = """
def app(environ, start_response):
    while environ["PATH_INFO"] == "/spin":
        pass
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


def below(pid: int) -> set[int]:
    return set(processes.descendants(processes.table(), pid))


def test_the_one_stuck_worker_of_two_is_ended_by_the_printed_command_and_replaced(folder: Path) -> None:
    pytest.importorskip("gunicorn")
    (folder / "shop.py").write_text(APP)
    words = ("-m", "gunicorn", "--workers", "2", "--timeout", "0", "--bind", "127.0.0.1:{port}", "shop:app")
    with support.running(*words, cwd=folder) as server:
        support.wait_for(lambda: len(below(server.pid)) == 2, "both workers run")
        before = below(server.pid)

        def ask() -> None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{server.url}/spin", timeout=90).read()

        threading.Thread(target=ask, daemon=True).start()
        support.wait_for(lambda: any(_spins(pid) for pid in before), "a worker in its loop")
        said = wd("why", f":{server.port}", folder=folder).stdout
        commands = re.findall(r"`(wd kill --worker --pid \d+)`", " ".join(said.split()))
        assert commands, said
        stuck = int(commands[0].split()[-1])
        done = wd(*shlex.split(commands[0])[1:], folder=folder)
        assert done.returncode == 0, done.stderr + done.stdout
        support.wait_for(lambda: len(below(server.pid) - {stuck}) == 2, "the worker is replaced")
        assert before - {stuck} <= below(server.pid)
        assert urllib.request.urlopen(server.url, timeout=30).read() == b"ok"


def _spins(pid: int) -> bool:
    return any(frame.function == "app" for thread in stacks.dump(pid).threads for frame in thread.frames)


FORKS = """
import os, time
def work():
    while True:
        time.sleep(1)
def fork():
    if os.fork() == 0:
        os.setsid()
        work()
fork(); fork()
while True:
    os.wait()
    fork()
"""


def test_a_worker_without_a_port_is_ended_alone_by_its_pid_and_its_master_replaces_it(folder: Path) -> None:
    (folder / "forks.py").write_text(FORKS)
    with support.running(str(folder / "forks.py"), listening=False) as server:
        support.wait_for(lambda: len(below(server.pid)) == 2, "both workers run")
        stuck, other = sorted(below(server.pid))
        try:
            done = wd("kill", "--worker", "--pid", str(stuck), folder=folder)
            assert done.returncode == 0, done.stderr + done.stdout
            support.wait_for(lambda: len(below(server.pid) - {stuck}) == 2, "the worker is replaced")
            assert other in below(server.pid)
        finally:
            left = below(server.pid)
            support.end_session(server.process)
            for pid in left:  # sessions of their own
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
