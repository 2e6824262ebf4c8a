"""What macOS would run, as far as Linux can show it: the doors of psutil and POSIX instead of /proc and pidfds.

`-X wd_portable` chooses them. Kernel queues (kqueue) are not there, so a kill needs --allow-unsafe-kill here.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from support import SERVERS, alive, connects, free_port, wait_for

WD = (sys.executable, "-X", "wd_portable", "-m", "watchdog.cli.main")
UNSAFE = "--allow-unsafe-kill"

Served = Callable[[], tuple[subprocess.Popen[bytes], int]]


def wd(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*WD, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False
    )


def told(done: subprocess.CompletedProcess[str]) -> str:
    return f"code {done.returncode}\n{done.stdout}\n{done.stderr}"


@pytest.fixture
def served(folder: Path) -> Iterator[Served]:
    """A server that hangs where a file of its folder says so."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> tuple[subprocess.Popen[bytes], int]:
        port = free_port()
        words = [sys.executable, str(SERVERS / "switch.py"), str(port), str(folder)]
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
        started.append(child)
        wait_for(lambda: connects(port), "it listens")
        return child, port

    yield start
    for child in started:
        child.kill()
        child.wait(30)


def test_the_doors_are_those_of_another_system() -> None:
    code = "from watchdog.system import signals, here; print(signals.grips.__name__, here.NAME)"
    done = subprocess.run([sys.executable, "-X", "wd_portable", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["watchdog.system.macos.grips", "macos"]


def test_a_server_is_found_by_port_pid_and_command_line_and_is_well(served: Served) -> None:
    child, port = served()
    for words in ((f":{port}",), ("--pid", str(child.pid)), ("--cmdline", f"switch.py {port}")):
        done = wd("find", *words)
        assert done.returncode == 0, told(done)
        assert str(child.pid) in done.stdout, told(done)
    row = next(line for line in wd("ps").stdout.splitlines() if line.startswith(f"{child.pid} "))
    assert "healthy" in row


def test_a_healthy_server_raises_no_alarm(served: Served) -> None:
    _, port = served()
    done = wd("why", f":{port}")
    assert (done.returncode, "HEALTHY" in done.stdout) == (0, True), told(done)


def test_a_sleep_in_a_handler_is_named_with_its_line(served: Served, folder: Path) -> None:
    _, port = served()
    (folder / "hang").write_text("3600")
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: shop\r\n\r\n")
        done = wd("why", f":{port}")
    assert done.returncode != 0, told(done)
    assert "for a sleep to end in do_GET (switch.py:" in " ".join(done.stdout.split()), told(done)
    assert "NOT-RUNNING" not in done.stdout


def test_nothing_is_ended_where_nobody_can_be_held_unless_that_is_allowed(served: Served) -> None:
    child, port = served()
    refused = wd("kill", f":{port}", "--yes")
    assert refused.returncode == 5, told(refused)
    assert UNSAFE in refused.stderr + refused.stdout
    assert child.poll() is None
    done = wd("kill", f":{port}", "--yes", UNSAFE)
    assert done.returncode == 0, told(done)
    assert child.wait(30) is not None
    assert f"port {port} is free" in done.stdout


def test_among_look_alikes_only_the_right_one_ends(served: Served) -> None:
    child, port = served()
    others = [served()[0] for _ in range(4)]
    done = wd("kill", f":{port}", "--yes", UNSAFE)
    assert done.returncode == 0, told(done)
    assert child.wait(30) is not None
    assert [one.pid for one in others if one.poll() is not None] == []


def test_a_server_is_started_proven_and_outlives_wd(folder: Path) -> None:
    port = free_port()
    for name in ("playbooks", "runbooks", "logs"):
        (folder / name).mkdir(0o700)
    command = [sys.executable, str(SERVERS / "switch.py"), str(port), str(folder)]
    playbook = {
        "service": "shop",
        "find": {"port": port},
        "start": {"command": command, "cwd": str(folder), "ready": {"url": "/health", "within": "30s"}},
    }
    place = folder / "playbooks" / "shop.yml"
    place.write_text(json.dumps(playbook))
    place.chmod(0o600)
    done = wd("--home", str(folder), "start", "shop")
    try:
        assert done.returncode == 0, told(done)
        verified = wd("--home", str(folder), "verify", "shop", "--healthy", "2")
        assert verified.returncode == 0, told(verified)
        assert connects(port)
        stopped = wd("--home", str(folder), "kill", "shop", "--yes", UNSAFE)
        assert stopped.returncode == 0, told(stopped)
        assert not connects(port)
    finally:
        for one in psutil.process_iter(["cmdline"]):
            if str(folder) in (one.info["cmdline"] or ()) and alive(one.pid):
                one.kill()
