"""Queue workers with a redis of their own, as services of a home without a port."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from homes import Shop
from support import alive, connects, free_port, wait_for

from watchdog.system.net import ports

JOBS = """
import os, time
def add(path, text):
    with open(path, "a") as file:
        file.write(text)
def spin(path):
    add(path, "spins")
    while True:
        pass
"""
CELERY = """
import os
from celery import Celery
import jobs
app = Celery("tasks", broker=os.environ["BROKER"])
add, spin = app.task(jobs.add, name="add"), app.task(jobs.spin, name="spin")
"""
SEND = {
    "celery": "import tasks, sys; tasks.app.send_task(sys.argv[1], sys.argv[2:])",
    "rq": "import sys, os, redis, rq, jobs\n"
    "rq.Queue(connection=redis.Redis.from_url(os.environ['BROKER'])).enqueue(getattr(jobs, sys.argv[1]),"
    " *sys.argv[2:], job_timeout=-1)",
}
needs_redis = pytest.mark.skipif(
    not shutil.which("redis-server") or not all(map(importlib.util.find_spec, ("celery", "rq", "redis"))),
    reason="redis-server, celery and rq are not all installed",
)


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Its address."""
    port = free_port()
    argv = ["redis-server", "--port", str(port), "--save", "", "--bind", "127.0.0.1", "--dir", str(folder)]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: connects(port), "redis listens")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait(10)


@dataclass(frozen=True)
class Queue:
    """The service `queue`: its worker, its folder, its jobs."""

    home: Shop
    kind: str
    broker: str
    folder: Path
    children: int = 1  # of a Celery worker

    @property
    def broker_pid(self) -> int:
        port = int(self.broker.rpartition(":")[2].partition("/")[0])
        (listener,) = ports.listeners(port)
        return listener.holders[0]

    @property
    def argv(self) -> list[str]:
        if self.kind == "celery":
            return [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-c", str(self.children)]
        return [str(Path(sys.executable).with_name("rq")), "worker", "--url", self.broker]

    def playbook(self, more: str = "") -> None:
        find = "celery -A tasks worker" if self.kind == "celery" else "rq worker"
        start = {"command": self.argv, "cwd": str(self.folder), "ready": {"within": "30s"}}
        start["env"] = {"BROKER": self.broker, "HOME": str(self.folder)}
        text = f"service: queue\nfind: {{cmdline: {find}, cwd: {self.folder}}}\nstart: {json.dumps(start)}\n{more}"
        (self.home.folder / "playbooks" / "queue.yml").write_text(text)

    def by_hand(self) -> int:
        """Started beside wd; `end_all` ends it."""
        env = {**os.environ, "BROKER": self.broker}
        with (self.folder / "worker.log").open("wb") as log:
            process = subprocess.Popen(
                self.argv, cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        return process.pid

    def send(self, job: str, *words: str) -> None:
        env = {**os.environ, "BROKER": self.broker}
        subprocess.run([sys.executable, "-c", SEND[self.kind], job, *words], cwd=self.folder, env=env, check=True)

    def works(self) -> None:
        """Wait until a job is done: the worker is up, and takes jobs from its queue."""
        self._done_by_a_job("add", "done")

    def hang(self) -> None:
        """A job that never ends has been taken."""
        self._done_by_a_job("spin", "spins")

    def _done_by_a_job(self, job: str, text: str) -> None:
        mark = self.folder / f"mark-{os.urandom(4).hex()}"
        self.send(job, str(mark), *([text] if job == "add" else []))
        wait_for(lambda: mark.exists() and mark.read_text() == text, f"{job} runs", 60.0)

    def roots(self) -> list[int]:
        """Masters: processes in its folder whose parent is not in it."""
        found = set(self.members())
        return sorted(pid for pid in found if _parent(pid) not in found)

    def members(self) -> list[int]:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (folder / "cwd").readlink() == self.folder and alive(int(folder.name)):
                    found.append(int(folder.name))
        return found

    def end_all(self) -> None:
        for pid in self.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not self.members(), "all workers are gone")


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


@contextlib.contextmanager
def queue(room: Shop, kind: str, children: int = 1) -> Iterator[Queue]:
    """The service, not yet started."""
    folder = room.folder / "queue"
    folder.mkdir(mode=0o700)
    (folder / "jobs.py").write_text(JOBS)
    (folder / "tasks.py").write_text(CELERY)
    with redis_server(folder.parent) as broker:
        made = Queue(room, kind, broker, folder, children)
        made.playbook()
        try:
            yield made
        finally:
            made.end_all()
