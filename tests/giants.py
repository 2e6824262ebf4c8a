"""Servers beyond the usual size, and what `wd why` of them costs; for tests and benchmarks."""

from __future__ import annotations

import contextlib
import json
import random
import resource
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from homes import WD, surroundings
from support import SERVERS, Server, running, wait_for

SLACK = 5.0  # seconds beyond `--within`: the start of an interpreter, and the output


@dataclass(frozen=True)
class Cost:
    """Of one command: seconds, MiB of the largest process, MiB of all its processes at one moment."""

    seconds: float
    largest: float
    together: float


@contextlib.contextmanager
def giant(kind: str, count: int, folder: Path, limit: float = 120.0) -> Iterator[Server]:
    """The server, when all of it is there."""
    mark = folder / f"{kind}-{count}.mark"
    argv = (str(SERVERS / "giant.py"), kind, "{port}", str(count), str(mark))
    with running(*argv, log=folder / "giant.log") as server:
        wait_for(lambda: mark.exists() or server.process.poll() is not None, f"{count} {kind}", limit)
        assert server.process.poll() is None, (folder / "giant.log").read_text()
        yield server


def spoil(pid: int, mark: Path, seed: int) -> str:
    """Writes noise over structures of the interpreter; says where."""
    noise = random.Random(seed)
    places = dict(
        zip(("runtime", "thread", "frame", "modules", "type"), map(int, mark.read_text().split()), strict=True)
    )
    chosen = noise.sample(sorted(places), noise.randint(1, 2))
    with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
        for name in chosen:
            size = noise.choice((32, 128, 512))
            around = places[name].to_bytes(8, "little") * (size // 8)  # pointers that lead back to themselves
            memory.seek(places[name] + noise.choice((0, 8, 16, 40)))
            memory.write(noise.choice((noise.randbytes(size), b"\xff" * size, bytes(size), around)))
    return " and ".join(chosen)


def why(server: Server, within: float = 20.0) -> tuple[dict[str, Any], Cost]:
    """The result of `wd why`, and its cost. AssertionError where it leaves no result or ends too late."""
    line = [*WD, "why", f":{server.port}", "--within", f"{within:g}s", "-o", "json"]
    begun, ended = time.monotonic(), threading.Event()
    together: list[float] = [0.0]
    process = subprocess.Popen(line, cwd="/", env=surroundings(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    sampler = threading.Thread(target=_sample, args=(process.pid, ended, together))
    sampler.start()
    try:
        out, error = process.communicate(timeout=within + 60)
    finally:
        process.kill()
        ended.set()
        sampler.join()
    seconds = time.monotonic() - begun
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    assert b"Traceback" not in error, error.decode()
    result: dict[str, Any] = json.loads(out.splitlines()[-1])
    return result, Cost(seconds, largest, max(together))


def _sample(pid: int, ended: threading.Event, together: list[float]) -> None:
    """What is shared between its processes counts once."""
    while not ended.wait(0.05):
        total = 0.0
        with contextlib.suppress(psutil.Error):
            for one in (main := psutil.Process(pid), *main.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    total += one.memory_full_info().pss / 2**20
        together[0] = max(together[0], total)
