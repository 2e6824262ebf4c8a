"""What `wd why` advises is done as it stands, and helps."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import support
from advised import follow
from homes import Done, shop_in
from interpreters import NEEDS_TRACER
from test_steps_why import wd

from watchdog.evidence import stacks
from watchdog.system.process import processes

pytestmark = NEEDS_TRACER
APP = """
def app(environ, start_response):
    while environ["PATH_INFO"] == "/spin":
        pass
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


def typed(folder: Path) -> Callable[..., Done]:
    """`wd` as a person without a home types it."""

    def type_it(*words: str) -> Done:
        done = wd(*words, folder=folder)
        return Done(done.returncode, done.stdout, done.stderr)

    return type_it


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
        (line,) = follow(" ".join(said.split()), typed(folder))
        assert line.startswith("wd kill --worker --pid "), said
        stuck = int(line.split()[-1])
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


def test_a_server_that_leaks_is_watched_by_the_printed_command(folder: Path) -> None:
    with support.running(str(support.SERVERS / "leaky.py"), listening=False) as server, shop_in(folder) as shop:
        said = shop.wd("why", "--pid", str(server.pid), "--within", "20s").out
        assert said.startswith("MEMORY-LEAK"), said
        assert f"wd leak watch --pid {server.pid}" in follow(" ".join(said.split()), shop.wd)


def test_a_server_with_and_without_a_port_is_ended_by_the_printed_command(folder: Path) -> None:
    with shop_in(folder) as shop:
        (shop.folder / "playbooks" / "shop.yml").unlink()
        with shop.server(hung=True) as server:
            said = shop.wd("why", f":{shop.port}", "--within", "8s").out
            assert follow(" ".join(said.split()), shop.wd) == [f"wd kill --port {shop.port}"], said
            assert server.wait(10) is not None
        (folder / "spins.py").write_text("print('ready', flush=True)\nwhile True:\n    pass\n")
        with support.running(str(folder / "spins.py"), listening=False) as script:
            said = shop.wd("why", "--pid", str(script.pid), "--within", "10s").out
            assert follow(" ".join(said.split()), shop.wd) == [f"wd kill --pid {script.pid}"], said
            assert script.process.wait(10) is not None
