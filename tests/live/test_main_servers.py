"""The main job on the servers that people run: several processes, and every one of them has to go."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import Shop, ask_without_waiting, shop_in, surroundings
from support import alive, wait_for

APPS = {
    "wsgi.py": """
import os, time
def app(environ, start):
    if environ["PATH_INFO"] == "/hang":
        time.sleep(3600)
    start("200 OK", [("Content-Type", "application/json")])
    return [b'{"pid": %d}' % os.getpid()]
""",
    "asgi.py": """
import os, time
from fastapi import FastAPI
app = FastAPI()
@app.get("/health")
def health(): return {"pid": os.getpid()}
@app.get("/hang")
async def hang(): time.sleep(3600)
""",
    "debug.py": """
import os, sys, time
from flask import Flask
app = Flask(__name__)
@app.get("/health")
def health(): return {"pid": os.getpid()}
@app.get("/hang")
def hang(): time.sleep(3600)
app.run(port=int(sys.argv[1]), use_reloader=True, threaded=False)
""",
}
SERVERS = {
    "gunicorn": ("-m", "gunicorn", "-w", "2", "-b", "127.0.0.1:{port}", "wsgi:app"),
    "gunicorn with uvicorn workers": (
        *("-m", "gunicorn", "-w", "2", "-k", "uvicorn.workers.UvicornWorker", "-b", "127.0.0.1:{port}", "asgi:app"),
    ),
    "uvicorn with workers": ("-m", "uvicorn", "--workers", "2", "--port", "{port}", "asgi:app"),
    "uvicorn with a reloader": ("-m", "uvicorn", "--reload", "--port", "{port}", "asgi:app"),
    "flask with a reloader": ("debug.py", "{port}"),
}


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        for name, text in APPS.items():
            (folder / name).write_text(text)
        try:
            yield made
        finally:
            for pid in inside(folder):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def inside(folder: Path) -> list[int]:
    """Every living process that was started in this folder, but for wd."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == folder and int(process.name) != os.getpid():
                found.append(int(process.name))
    return sorted(pid for pid in found if alive(pid))


def answers(shop: Shop) -> bool:
    with (
        contextlib.suppress(OSError, ValueError),
        urllib.request.urlopen(f"http://127.0.0.1:{shop.port}/health", timeout=1) as reply,
    ):
        return bool(json.load(reply)["pid"])
    return False


@pytest.mark.parametrize("kind", SERVERS)
def test_each_kind_of_server_is_ended_whole_and_comes_back(shop: Shop, kind: str) -> None:
    pytest.importorskip(kind.partition(" ")[0])
    words = [word.replace("{port}", str(shop.port)) for word in SERVERS[kind]]
    command = json.dumps([sys.executable, *words])
    (shop.folder / "playbooks" / "shop.yml").write_text(
        f"service: shop\nfind: {{port: {shop.port}}}\nstart: {{command: {command}, cwd: {shop.folder}}}\n"
        "probes: {health: {http: /health, timeout: 2s}}\n"
    )
    argv = [sys.executable, *words]
    null = subprocess.DEVNULL
    with subprocess.Popen(
        argv, cwd=shop.folder, stdin=null, stdout=null, stderr=null, start_new_session=True,
        env=surroundings(PYTHONPATH=""),
    ) as server:  # fmt: skip
        wait_for(lambda: answers(shop), f"{kind} answers")

        def hung() -> bool:
            ask_without_waiting(shop.port, "/hang")
            return not answers(shop) and not answers(shop)

        wait_for(hung, f"all of {kind} hangs", 60)
        old = inside(shop.folder)
        assert server.pid in old and len(old) >= 2
        done = shop.wd("run", "short", "--service", "shop", "--yes", "-o", "json")
        assert (done.code, done.last["outcome"]) == (0, "recovered"), done
        assert not [pid for pid in old if alive(pid)]
        assert answers(shop)
        report = json.loads(Path(done.last["report"]).with_suffix(".json").read_text())
        assert {*old} <= {*report["old_pids"]}
