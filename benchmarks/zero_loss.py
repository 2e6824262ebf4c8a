"""How many requests are lost while a server is replaced, behind a held socket and behind other managers.

    python benchmarks/zero_loss.py [all|others|crash-loop] [SECONDS]

50 requests a second, each on its own connection, for 20 seconds a case. Needs uvicorn, gunicorn and hypercorn.
`others`: only the other managers (zero_loss_others.py). `crash-loop`: a server that dies every 2.7 s, for five minutes.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

RATE = 50  # requests a second
APP = """
import os
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]

if os.path.exists("broken"):
    raise SystemExit("a new version that does not start")
if os.path.exists("mortal"):
    import threading
    threading.Timer(2.7, os._exit, (7,)).start()
"""
HELD = {
    "uvicorn": ["uvicorn", "app:app", "--fd", "3", "--log-level", "warning"],
    "gunicorn": ["gunicorn", "app:wsgi", "--workers", "2", "--log-level", "warning"],
    "hypercorn": ["hypercorn", "app:app", "--bind", "fd://3"],
}


class Load:
    """Asks all the time, and counts what became of each request."""

    def __init__(self, port: int) -> None:
        self.port, self.counts, self.slowest, self.pids = port, Counter[str](), 0.0, Counter[str]()
        self._over, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._go, args=(place,), daemon=True) for place in range(RATE)]

    def start(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> Load:
        self._over.set()
        for thread in self._threads:
            thread.join(30)
        return self

    def _go(self, place: int) -> None:
        due = time.monotonic() + place / RATE
        while not self._over.wait(max(0.0, due - time.monotonic())):
            begun = time.monotonic()
            outcome, pid = self._ask()
            with self._lock:
                self.counts[outcome] += 1
                self.pids[pid] += 1
                self.slowest = max(self.slowest, time.monotonic() - begun)
            due = max(due + 1.0, time.monotonic())

    def _ask(self) -> tuple[str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/")
            reply = connection.getresponse()
            body = reply.read().decode()
            return ("answered", body) if reply.status == 200 else (f"status {reply.status}", "")
        except ConnectionRefusedError:
            return "refused", ""
        except (ConnectionError, http.client.HTTPException):
            return "reset", ""
        except OSError:
            return "late", ""
        finally:
            connection.close()

    def __str__(self) -> str:
        lost = ", ".join(f"{count} {what}" for what, count in sorted(self.counts.items()) if what != "answered")
        return f"{self.counts['answered']:>6} answered, {lost or '0 lost'}; slowest {self.slowest:.2f} s"


class Wd:
    """A home with one service behind a held socket."""

    def __init__(self, folder: Path, server: str) -> None:
        self.folder, self.port = folder, free_port()
        for name in ("playbooks", "runbooks", "logs"):
            (folder / name).mkdir(mode=0o700)
        (folder / "app.py").write_text(APP)
        self.playbook = {
            "service": "api",
            "find": {"port": self.port},
            "start": {
                "command": [sys.executable, "-m", *HELD[server]],
                "cwd": str(folder),
                "listen": f"127.0.0.1:{self.port}",
                "ready": {"within": "10s"},
            },
            "probes": {"health": {"http": "/", "every": "1s", "timeout": "1s", "fails": 2}},
            "triggers": [{"on": name, "run": "frozen-server"} for name in ("health", "death")],
            "policy": {
                "mode": "act",
                "per_hour": 0,
                "per_hour_everywhere": 0,
                "backoff": {"first": "100ms", "max": "1s"},
                "give_up": {"restarts": 1000, "within": "10m"},
            },
        }
        (folder / "playbooks" / "api.yml").write_text(json.dumps(self.playbook))
        (folder / "playbooks" / "api.yml").chmod(0o600)
        self.loop: subprocess.Popen[bytes] | None = None

    def run(self, *words: str) -> int:
        done = subprocess.run([*self._wd, *words], capture_output=True, check=False, stdin=subprocess.DEVNULL)
        return done.returncode

    def says(self, *words: str) -> str:
        done = subprocess.run([*self._wd, *words], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def watch(self) -> None:
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.loop = subprocess.Popen([*self._wd, "watch"], start_new_session=True, **quiet)  # type: ignore[call-overload]
        time.sleep(3)

    def server(self) -> int:
        return serving(self.port)

    def close(self) -> None:
        if self.loop is not None:
            self.loop.terminate()
            self.loop.wait(30)
        self.run("stop", "api", "--yes")

    @property
    def _wd(self) -> list[str]:
        return [sys.executable, "-m", "watchdog.cli.main", "--home", str(self.folder)]


def serving(port: int) -> int:
    """The pid of the process that answers; 0 if none does."""
    with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", "/")
        return int(connection.getresponse().read())
    return 0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def planned(home: Wd) -> None:
    assert home.run("restart", "api", "--yes") == 0


def killed(home: Wd) -> None:
    os.kill(home.server(), signal.SIGKILL)


def frozen(home: Wd) -> None:
    home.watch()
    os.kill(home.server(), signal.SIGSTOP)


def without_the_loop(home: Wd) -> None:
    home.watch()
    assert home.loop is not None
    os.killpg(home.loop.pid, signal.SIGKILL)
    home.loop.wait(30)
    home.loop = None
    os.kill(home.server(), signal.SIGKILL)


def broken_version(home: Wd) -> None:
    (home.folder / "broken").write_text("")
    assert home.run("restart", "api", "--yes") == 2
    (home.folder / "broken").unlink()


CASES: dict[str, Callable[[Wd], None]] = {
    "a planned restart": planned,
    "kill -9 of the server": killed,
    "SIGSTOP, cured by wd watch": frozen,
    "kill -9 of wd watch, then of the server": without_the_loop,
    "a new version that fails its readiness": broken_version,
}


def behind_wd(seconds: float) -> None:
    for server in HELD:
        for title, act in CASES.items():
            with tempfile.TemporaryDirectory() as folder:
                home = Wd(Path(folder), server)
                try:
                    assert home.run("start", "api") == 0
                    load = Load(home.port).start()
                    time.sleep(2)
                    act(home)
                    time.sleep(max(5.0, seconds - 5))
                    print(f"{server:10} {title:42} {load.stop()}", flush=True)
                finally:
                    home.close()


def crash_loop(seconds: float) -> None:
    """The loop looks on; the shim starts it again. Then what `wd` says of it."""
    with tempfile.TemporaryDirectory() as folder:
        home = Wd(Path(folder), "uvicorn")
        try:
            assert home.run("start", "api") == 0
            home.watch()
            (home.folder / "mortal").write_text("")
            os.kill(home.server(), signal.SIGKILL)
            load = Load(home.port).start()
            time.sleep(seconds)
            load.stop()
            share = 100 * load.counts["answered"] / sum(load.counts.values())
            print(f"dies every 2.7 s: {len(load.pids)} servers, {share:.2f} % answered: {load}")
            for words in (("status", "api"), ("why", "api"), ("incidents", "list")):
                print(f"$ wd {' '.join(words)}\n{home.says(*words)}", flush=True)
        finally:
            home.close()


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended then, too
    what = sys.argv[1] if len(sys.argv) > 1 else "all"
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else (300.0 if what == "crash-loop" else 20.0)
    if what == "crash-loop":
        crash_loop(seconds)
        return
    if what == "all":
        behind_wd(seconds)
    from zero_loss_others import others  # here: it imports this file

    others(seconds)


if __name__ == "__main__":
    main()
