"""wd on Windows (a real one, or Wine) with real processes: the right server is found, explained and ended, no other."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

if sys.platform != "win32":
    pytest.skip("these are for Windows: sh tests/windows.sh runs them", allow_module_level=True)

SERVER = """
import http.server, os, socket, subprocess, sys, threading, time
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *words): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer)
server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # Wine names the listener's owner only then
"""
HEALTHY = "server.serve_forever()\n"
BUSY = """
def find_the_answer():
    count = 0
    while True:
        count += 1
server.socket.listen(5)
find_the_answer()
"""
DEADLOCKED = """
first, second = threading.Lock(), threading.Lock()
def one():
    with first:
        time.sleep(0.5)
        with second: pass
def other():
    with second:
        time.sleep(0.5)
        with first: pass
threading.Thread(target=one, daemon=True).start()
other()
"""
FAMILY = """
for place in range(2):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
server.serve_forever()
"""
WITHIN = 110.0  # seconds: Wine is slow


class Programs:
    """Starts programs, and ends them (with their children) whatever becomes of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._started.append(child)
        return child

    def serve(self, work: str = HEALTHY, name: str = "shop.py") -> tuple[subprocess.Popen[bytes], int]:
        """A server that listens on a port of its own."""
        script = self.folder / name
        script.write_text(SERVER + work)
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = int(sock.getsockname()[1])
        child = self.start(str(script), str(port))
        wait_for(lambda: listens(port), "the server listens")
        return child, port

    def end(self) -> None:
        for child in self._started:
            if child.poll() is None:
                family = psutil.Process(child.pid).children(recursive=True)
                for one in [*family, child]:
                    try:
                        one.kill()
                    except (psutil.Error, OSError):
                        continue
                child.wait(10)


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    found = Programs(tmp_path)
    yield found
    found.end()


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as sock:
        sock.settimeout(1.0)
        return sock.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline, f"not seen in time: {what}"
        time.sleep(0.1)


def wd(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "watchdog.cli.main", *words], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, encoding="utf-8", timeout=WITHIN, check=False, env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip


def data_of(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_server_is_found_by_its_port_its_pid_and_its_command_line(programs: Programs) -> None:
    server, port = programs.serve()
    script = str(programs.folder / "shop.py")
    for words in ((f":{port}",), ("--pid", str(server.pid)), ("--cmdline", script), ("--cmdline", "shop.py")):
        done = wd("find", *words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        row = next(line for line in done.stdout.splitlines() if str(server.pid) in line)
        assert str(port) in row, words


def test_ps_lists_a_healthy_server_as_healthy(programs: Programs) -> None:
    server, _ = programs.serve()
    done = wd("ps")
    assert done.returncode == 0, done.stderr
    assert any(str(server.pid) in line and "healthy" in line for line in done.stdout.splitlines()), done.stdout


def test_a_dry_run_names_no_signal_and_ends_nothing(programs: Programs) -> None:
    server, port = programs.serve()
    done = wd("kill", f":{port}", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "SIG" not in done.stdout + done.stderr
    assert "ended at once" in done.stdout
    assert server.poll() is None


def test_among_twenty_look_alikes_only_the_right_one_ends(programs: Programs) -> None:
    server, port = programs.serve()
    script = str(programs.folder / "shop.py")
    others = [programs.start("-c", "import time; time.sleep(600)", script, str(port)) for _ in range(20)]
    done = wd("kill", f":{port}", "--yes")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert f"port {port} is free" in done.stdout
    assert server.wait(10) is not None
    assert [one.pid for one in others if one.poll() is not None] == []


def test_children_end_with_their_server(programs: Programs) -> None:
    server, port = programs.serve(FAMILY, "family.py")
    wait_for(lambda: len(psutil.Process(server.pid).children()) == 2, "both children")
    children = psutil.Process(server.pid).children()
    done = wd("kill", f":{port}", "--yes")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "3 processes ended" in done.stdout
    assert not [one for one in children if one.is_running()]


def test_nothing_to_end_is_said_with_its_own_code(programs: Programs) -> None:
    server, port = programs.serve()
    server.kill()
    server.wait(10)
    assert wd("kill", f":{port}", "--yes").returncode == 4


@pytest.mark.parametrize(
    ("work", "cause"), [(BUSY, "BUSY-LOOP"), (DEADLOCKED, "LOCK-DEADLOCK")], ids=["busy", "deadlocked"]
)
def test_the_cause_of_a_hang_is_named(programs: Programs, work: str, cause: str) -> None:
    _, port = programs.serve(work, "stuck.py")
    done = wd("why", f":{port}")
    assert done.stdout.startswith(cause) or f"\n{cause}" in done.stdout, (done.stdout, done.stderr)


def test_a_healthy_server_raises_no_alarm(programs: Programs) -> None:
    _, port = programs.serve()
    done = wd("why", f":{port}")
    assert "HEALTHY" in done.stdout, (done.stdout, done.stderr)
    for wrong in ("BUSY-LOOP", "NOT-RUNNING", "LOCK-DEADLOCK"):
        assert wrong not in done.stdout


def test_a_handle_holds_the_process_and_not_its_number(programs: Programs) -> None:
    from watchdog.system import holds, signals

    child = programs.start("-c", "import time; time.sleep(600)")
    held = holds.hold(child.pid)
    assert held is not None and not held.gone
    with signals.rehearsal():
        assert holds.send(held, signals.KILL) == "rehearsed"
    assert child.poll() is None
    assert holds.send(held, signals.KILL) == "sent"
    assert holds.wait_gone([held], 20) == ()
    assert holds.send(held, signals.KILL) == "gone"
    assert holds.hold(child.pid, held.identity) is None
    held.close()


def test_a_suspended_process_goes_on(programs: Programs, tmp_path: Path) -> None:
    from watchdog.system import holds, signals

    place = tmp_path / "count"
    code = f"import time\nwhile True:\n open({str(place)!r}, 'a').write('x'); time.sleep(0.05)"
    child = programs.start("-c", code)
    wait_for(place.exists, "it counts")
    held = holds.hold(child.pid)
    assert held is not None
    assert holds.send(held, signals.STOP) == "sent"
    time.sleep(0.3)
    before = place.stat().st_size
    time.sleep(0.5)
    assert place.stat().st_size == before
    assert holds.send(held, signals.CONT) == "sent"
    wait_for(lambda: place.stat().st_size > before, "it goes on")
    held.close()


def test_a_server_is_started_answers_and_outlives_wd(programs: Programs, tmp_path: Path) -> None:
    server, port = programs.serve()
    server.kill()
    server.wait(10)
    home = tmp_path / "home"
    for name in ("playbooks", "runbooks", "logs"):
        (home / name).mkdir(parents=True)
    script = programs.folder / "shop.py"
    command = json.dumps([sys.executable, str(script), str(port)])
    (home / "playbooks" / "shop.yml").write_text(
        f"service: shop\nfind: {{port: {port}, cmdline: shop.py}}\n"
        f"start: {{command: {command}, cwd: {json.dumps(str(programs.folder))}, ready: {{url: /, within: 60s}}}}\n"
    )
    done = wd("--home", str(home), "start", "shop")
    try:
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert listens(port)
        again = wd("--home", str(home), "kill", "shop", "--yes")
        assert again.returncode == 0, (again.stdout, again.stderr)
        assert not listens(port)
    finally:
        for one in psutil.process_iter(["cmdline"]):
            if str(script) in (one.info["cmdline"] or ()):
                one.kill()
