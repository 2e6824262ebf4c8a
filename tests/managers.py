"""Real managers for live tests: supervisord, runit, pm2 and circus, each with one small server, each in a folder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support import SERVERS, alive, connects, end_session, free_port, wait_for

SYSTEM_PYTHON = shutil.which("python3", path=os.defpath) or sys.executable  # one that every user may run
PLAIN = str(SERVERS / "plain.py")
SUPERVISOR = """\
[supervisord]
logfile=/dev/null
logfile_maxbytes=0
pidfile={folder}/supervisord.pid
nodaemon=true
[unix_http_server]
file={folder}/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{folder}/supervisor.sock
[program:{name}]
command={command}
stdout_logfile=/dev/null
redirect_stderr=true
startsecs={startsecs}
"""
CIRCUS = """\
[circus]
endpoint = tcp://127.0.0.1:{endpoint}
pubsub_endpoint = tcp://127.0.0.1:{pubsub}
[watcher:{name}]
cmd = {command}
"""


def needs(*names: str) -> None:
    for name in names:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")


def holder(port: int) -> int:
    """Who listens on that port; 0 if nobody does."""
    from watchdog.system.net import ports

    return next((one.holders[0] for one in ports.listeners(port) if one.holders), 0)


@contextlib.contextmanager
def keeping(argv: list[str], folder: Path, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A manager in a session of its own. It, and all that comes from it, is ended at the end."""
    process = subprocess.Popen(
        argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, env={**os.environ, **(env or {})},
    )  # fmt: skip
    try:
        yield process
    finally:
        below = _below(process.pid)
        end_session(process)  # the manager first: it must start nothing again
        for pid in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not any(alive(pid) for pid in below), "what it kept has ended")


def _below(pid: int) -> tuple[int, ...]:
    from watchdog.system.process import processes

    return processes.descendants(processes.table(), pid)


def server_command(port: int) -> str:
    return f"{sys.executable} {PLAIN} {port}"


@contextlib.contextmanager
def supervisord(folder: Path, name: str = "shop", startsecs: int = 0, program: str = "") -> Iterator[int]:
    """The port of the program that it keeps."""
    needs("supervisord", "supervisorctl")
    port = free_port()
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "own.conf").write_text(
        SUPERVISOR.format(folder=folder, name=name, command=server_command(port), startsecs=startsecs)
    )
    with keeping([program or "supervisord", "-n", "-c", "own.conf"], folder):
        wait_for(lambda: connects(port), "supervisord has started its program")
        yield port


@contextlib.contextmanager
def runit(folder: Path, name: str = "shop") -> Iterator[int]:
    needs("runsv", "sv")
    port, service = free_port(), folder / name
    service.mkdir(mode=0o700, parents=True, exist_ok=True)
    (service / "run").write_text(f"#!/bin/sh\nexec {server_command(port)}\n")
    (service / "run").chmod(0o755)
    with keeping(["runsv", name], folder):
        wait_for(lambda: connects(port), "runsv has started its service")
        yield port


@contextlib.contextmanager
def circusd(folder: Path, name: str = "shop") -> Iterator[int]:
    tool = Path(sys.executable).parent / "circusd"
    if not tool.exists():
        pytest.skip("circus is not installed")
    port = free_port()
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "own.ini").write_text(
        CIRCUS.format(endpoint=free_port(), pubsub=free_port(), name=name, command=server_command(port))
    )
    with keeping([str(tool), "own.ini"], folder):
        wait_for(lambda: connects(port), "circusd has started its watcher")
        yield port


@contextlib.contextmanager
def pm2(folder: Path, name: str = "shop") -> Iterator[int]:
    needs("pm2")
    port, home = free_port(), folder / "home"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    env = {**os.environ, "PM2_HOME": str(home)}
    app = {"name": name, "script": PLAIN, "args": [str(port)], "interpreter": sys.executable}
    (folder / "app.json").write_text(json.dumps({"apps": [app]}))
    quiet: dict[str, object] = {"env": env, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "timeout": 60}
    try:
        subprocess.run(["pm2", "start", str(folder / "app.json")], check=True, **quiet)  # type: ignore[call-overload]
        wait_for(lambda: connects(port), "pm2 has started its app")
        yield port
    finally:
        subprocess.run(["pm2", "kill"], check=False, **quiet)  # type: ignore[call-overload]
        wait_for(lambda: not connects(port), "pm2 has ended its app")
