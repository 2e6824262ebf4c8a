"""Healthy programs of ordinary shapes, idle, under load, and for minutes under the loop: is one of them ever blamed?

    python benchmarks/healthy.py [SECONDS]        # 60 without a number

`wd why` looks at each program of tests/servers/shapes.py alone, idle and while it is asked five times a second; nothing
above a warning may be found. Then all of them run at once under `wd watch` in mode act for so many seconds. Its
questions pass a front that loses one answer in fifty; no program may be touched.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from homes import WD, surroundings  # noqa: E402
from support import SERVERS, alive, connects, end_session, free_port, wait_for  # noqa: E402

LOST = 50  # one answer in so many
SCRIPT = str(SERVERS / "shapes.py")


@dataclass(frozen=True)
class Shape:
    """How it is started, what is asked of it under load, and what the loop asks: nothing where there is no HTTP."""

    argv: tuple[str, ...]
    load: tuple[str, ...] = ("/health",)
    port: bool = True


def shape(name: str, *load: str, port: bool = True) -> Shape:
    return Shape((sys.executable, SCRIPT, name, "{port}"), load, port)


def gunicorn(*options: str) -> Shape:
    return Shape((sys.executable, "-m", "gunicorn", "-w", "2", *options, "-b", "127.0.0.1:{port}", "shapes:wsgi"))


def uvicorn(*options: str, load: Sequence[str] = ("/health",)) -> Shape:
    words = (sys.executable, "-m", "uvicorn", "--log-level", "warning", "--port", "{port}", *options, "shapes:asgi")
    return Shape(words, tuple(load))


SHAPES = {
    "threads": shape("threads", "/health"),
    "gunicorn": gunicorn(),
    "gunicorn with threads": gunicorn("-k", "gthread", "--threads", "4"),
    "flask with a child on pipes": shape("flask", "/health"),
    "uvicorn": uvicorn(),
    "uvicorn with two workers": uvicorn("--workers", "2"),
    "streams": uvicorn(load=("/health", "/stream")),
    "long polls": uvicorn(load=("/health", "/wait")),
    "fastapi with a pool": shape("fastapi", "/health"),
    "aiohttp with an executor": shape("aiohttp", "/health", "/wait"),
    "busy children": shape("busy", "/health"),
    "lines": shape("lines"),
    "a scheduler": shape("scheduler", port=False),
    "a script": shape("script", port=False),
}


@dataclass(frozen=True)
class Program:
    """One that runs: how the loop finds it, asks it and would start it."""

    name: str
    pid: int
    argv: tuple[str, ...]
    cwd: str
    port: int | None = None
    page: str = ""  # empty: it speaks no HTTP


@contextlib.contextmanager
def running(name: str, made: Shape) -> Iterator[Program]:
    port = free_port()
    argv = tuple(word.format(port=port) for word in made.argv)
    process = subprocess.Popen(
        argv, cwd=SERVERS, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    try:
        wait_for(lambda: not made.port or connects(port), f"{name} listens")
        page = "/health" if made.load else ""
        if page:
            wait_for(lambda: asked(port, page), f"{name} answers")
        yield Program(name, process.pid, argv, str(SERVERS), port if made.port else None, page)
    finally:
        end_session(process)


def asked(port: int, path: str) -> bool:
    """Whether it answers; a stream is read for three seconds."""
    end = time.monotonic() + 3
    address, lost = f"http://127.0.0.1:{port}{path}", (OSError, HTTPException)
    with contextlib.suppress(*lost), urllib.request.urlopen(address, timeout=25) as reply:
        while reply.read1(1000) and time.monotonic() < end:
            pass
        return True
    return False


@contextlib.contextmanager
def load(program: Program, paths: Sequence[str]) -> Iterator[None]:
    """Five questions a second, in turn, until the block ends."""
    ended = threading.Event()

    def run() -> None:
        turn = 0
        while paths and program.port and not ended.wait(0.2):
            place = paths[turn % len(paths)]
            threading.Thread(target=asked, args=(program.port, place), daemon=True).start()
            turn += 1

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def wd(*words: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [*WD, *words, "-o", "json"], cwd="/", capture_output=True, text=True, env=surroundings(), timeout=120,
        check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def why(program: Program) -> tuple[int, str]:
    """Exit code and verdict."""
    where = (f":{program.port}",) if program.port else ("--pid", str(program.pid))
    code, last = wd("why", *where)
    return code, str(last.get("verdict"))


class Front:
    """Ports before the programs' ports: of all connections one in fifty is taken and never answered."""

    def __init__(self) -> None:
        self.lost = self.passed = 0
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def before(self, port: int) -> int:
        """The port that leads to this one."""
        return asyncio.run_coroutine_threadsafe(self._open(port), self._loop).result(10)

    async def _open(self, port: int) -> int:
        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError), contextlib.closing(writer):
                if (self.lost + self.passed) % LOST == LOST - 1:
                    self.lost += 1
                    while await reader.read(4096):
                        pass
                    return
                self.passed += 1
                onward = await asyncio.open_connection("127.0.0.1", port)
                with contextlib.closing(onward[1]):
                    both = (pump(reader, onward[1]), pump(onward[0], writer))
                    await asyncio.wait(map(asyncio.ensure_future, both), return_when=asyncio.FIRST_COMPLETED)

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


def playbook(program: Program, front: Front) -> dict[str, Any]:
    probes: dict[str, Any] = {"alive": {"process": 1, "every": "2s"}}
    if program.page and program.port:
        page = f"http://127.0.0.1:{front.before(program.port)}{program.page}"
        probes["health"] = {"http": page, "every": "2s", "timeout": "2s"}
    elif program.port:
        probes["health"] = {"tcp": program.port, "every": "2s"}
    find = {"port": program.port} if program.port else {"cmdline": " ".join(program.argv[-3:]), "cwd": program.cwd}
    return {
        "service": program.name.replace(" ", "-"),
        "find": find,
        "start": {"command": list(program.argv), "cwd": program.cwd},
        "probes": probes,
        "triggers": [{"on": name, "run": "frozen-server"} for name in probes] + [{"on": "death", "run": "dead-server"}],
        "policy": {"mode": "act"},
    }


def watch(programs: Sequence[Program], seconds: float) -> int:
    """How many of them the loop has touched."""
    front = Front()
    with tempfile.TemporaryDirectory(prefix="wd-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as place:
        home = Path(place)
        for name in ("playbooks", "runbooks", "logs"):
            (home / name).mkdir(mode=0o700)
        for one in programs:
            made = playbook(one, front)
            (home / "playbooks" / f"{made['service']}.yml").write_text(json.dumps(made))
        line = [*WD, "--home", place, "watch"]
        with (home / "watch.log").open("wb") as log, subprocess.Popen(line, env=surroundings(), stderr=log) as loop:
            try:
                time.sleep(seconds)
                alive_still = loop.poll() is None
            finally:
                loop.terminate()
                loop.wait(60)
        code, _ = wd("--home", place, "incidents", "list")
        gone = [one.name for one in programs if not alive(one.pid)]
        told = [line for line in (home / "watch.log").read_text().splitlines() if "run" in line or "trouble" in line]
    print("\n".join(told[:20]))
    print(f"{len(programs)} programs for {seconds:.0f} s: {front.passed} answers, {front.lost} lost; touched: {gone}")
    print(f"incidents: {'none' if code == 4 else 'some'}; the loop ran to the end: {alive_still}")
    return len(gone) + (code != 4) + (not alive_still)


def main(seconds: float) -> int:
    blamed = 0
    for name, made in SHAPES.items():
        with running(name, made) as program:
            idle = why(program)
            with load(program, made.load):
                busy = why(program)
            blamed += (idle[0] not in (0, 1)) + (busy[0] not in (0, 1))
            print(f"{name:<28} idle {idle[1]:<18} {idle[0]}   under load {busy[1]:<18} {busy[0]}", flush=True)
    print(f"{2 * len(SHAPES)} looks, {blamed} with a fault")
    with contextlib.ExitStack() as stack:
        return blamed + watch([stack.enter_context(running(*one)) for one in SHAPES.items()], seconds)


if __name__ == "__main__":
    sys.exit(min(1, main(float(sys.argv[1]) if len(sys.argv) > 1 else 60)))
