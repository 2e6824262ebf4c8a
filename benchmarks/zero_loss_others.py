"""The same server under managers that people use: a restart as each of them does it, and kill -9 of the server.

Called by zero_loss.py. circusd, circusctl, supervisord and pm2 are looked for on PATH; what is missing is said so.
systemd is a real one, in the room of tests/systemd_room.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from zero_loss import APP, Load, free_port, serving

Restart = Callable[[], object]
Manager = Callable[[Path, int], AbstractContextManager[Restart]]
UVICORN = [sys.executable, "-m", "uvicorn", "app:app", "--log-level", "warning"]
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


@contextlib.contextmanager
def running(argv: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(argv, cwd=folder, start_new_session=True, **QUIET)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def call(*argv: str, **env: str) -> Restart:
    return lambda: subprocess.run(argv, check=True, env={**os.environ, **env}, **QUIET)  # type: ignore[call-overload]


@contextlib.contextmanager
def gunicorn(folder: Path, port: int) -> Iterator[Restart]:
    words = ["app:wsgi", "--workers", "2", "--bind", f"127.0.0.1:{port}"]
    with running([sys.executable, "-m", "gunicorn", *words], folder) as process:
        yield lambda: process.send_signal(signal.SIGHUP)


@contextlib.contextmanager
def circus(folder: Path, port: int) -> Iterator[Restart]:
    control, events = free_port(), free_port()
    (folder / "circus.ini").write_text(
        f"[circus]\nendpoint = tcp://127.0.0.1:{control}\npubsub_endpoint = tcp://127.0.0.1:{events}\n"
        f"[watcher:api]\ncmd = {' '.join(UVICORN)} --fd $(circus.sockets.web)\nworking_dir = {folder}\n"
        "use_sockets = True\ncopy_env = True\n"
        f"[socket:web]\nhost = 127.0.0.1\nport = {port}\n"
    )
    with running(["circusd", "circus.ini"], folder):
        yield call("circusctl", "--endpoint", f"tcp://127.0.0.1:{control}", "restart", "api")


@contextlib.contextmanager
def systemd_socket(folder: Path, port: int) -> Iterator[Restart]:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from systemd_room import room

    with room() as systemd:
        service = f"ExecStart={' '.join(UVICORN)} --fd 3\nWorkingDirectory={folder}\nRestart=always\nRestartSec=0"
        (folder / "api.socket").write_text(f"[Socket]\nListenStream=127.0.0.1:{port}\n")
        (folder / "api.service").write_text(f"[Service]\n{service}\n[Unit]\nStartLimitIntervalSec=0\n")
        with systemd.manager(folder / "systemd.log"):
            systemd.run("cp", str(folder / "api.socket"), str(folder / "api.service"), "/etc/systemd/system/")
            systemd.run("systemctl", "daemon-reload")
            systemd.run("systemctl", "start", "api.socket", "api.service")
            yield lambda: systemd.run("systemctl", "restart", "api.service")
            systemd.run("systemctl", "stop", "api.socket", "api.service")


@contextlib.contextmanager
def supervisord(folder: Path, port: int) -> Iterator[Restart]:
    (folder / "supervisord.conf").write_text(
        f"[supervisord]\nlogfile={folder}/s.log\npidfile={folder}/s.pid\n[unix_http_server]\nfile={folder}/s.sock\n"
        f"[supervisorctl]\nserverurl=unix://{folder}/s.sock\n[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n"
        f"[program:api]\ncommand={' '.join(UVICORN)} --port {port}\ndirectory={folder}\n"
    )
    with running(["supervisord", "-n", "-c", "supervisord.conf"], folder):
        yield call("supervisorctl", "-c", str(folder / "supervisord.conf"), "restart", "api")


@contextlib.contextmanager
def pm2(folder: Path, port: int) -> Iterator[Restart]:
    about = {"name": "api", "script": UVICORN[0], "args": [*UVICORN[1:], "--port", str(port)], "interpreter": "none"}
    (folder / "api.config.js").write_text(f"module.exports = {json.dumps({'apps': [about | {'cwd': str(folder)}]})}")
    call("pm2", "start", str(folder / "api.config.js"), PM2_HOME=str(folder))()
    try:
        yield call("pm2", "restart", "api", PM2_HOME=str(folder))
    finally:
        call("pm2", "kill", PM2_HOME=str(folder))()


@contextlib.contextmanager
def respawn(folder: Path, port: int) -> Iterator[Restart]:
    (folder / "respawn.sh").write_text(f"while :; do {' '.join(UVICORN)} --port {port}; done\n")
    with running(["sh", "respawn.sh"], folder):
        yield lambda: os.kill(serving(port), signal.SIGTERM)


MANAGERS: dict[str, tuple[str, Manager]] = {
    "systemd, socket activation": ("systemctl", systemd_socket),
    "circus, sockets": ("circusd", circus),
    "gunicorn, HUP": (sys.executable, gunicorn),
    "supervisord": ("supervisord", supervisord),
    "pm2": ("pm2", pm2),
    "a respawn in a shell loop": ("sh", respawn),
}


def others(seconds: float) -> None:
    for title, (program, manager) in MANAGERS.items():
        if shutil.which(program) is None:
            print(f"{title}: not installed", flush=True)
            continue
        for case in ("restart", "kill -9"):
            with tempfile.TemporaryDirectory() as name:
                folder, port = Path(name), free_port()
                (folder / "app.py").write_text(APP)
                with manager(folder, port) as restart:
                    up_within(60.0, port)
                    load = Load(port).start()
                    time.sleep(2)
                    if case == "restart":
                        restart()
                    else:
                        os.kill(serving(port), signal.SIGKILL)
                    time.sleep(max(5.0, seconds - 5))
                    print(f"{title:28} {case:10} {load.stop()}", flush=True)


def up_within(limit: float, port: int) -> None:
    end = time.monotonic() + limit
    while not serving(port):
        if time.monotonic() > end:
            raise SystemExit("the server did not come up")
        time.sleep(0.1)
