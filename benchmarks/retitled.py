"""Processes that show a title: found by their real command line and by the title, and never started a second time?

    python benchmarks/retitled.py [PROCESSES]        # 12 without a number; needs redis, PostgreSQL, uWSGI

One program after the other (Celery, RQ, gunicorn, uWSGI, PostgreSQL, a script with setproctitle), in a folder of its
own. Each process is asked for with `wd find`, once by the words of its start and once by the whole title that it shows;
then `wd start` of a playbook for it must say that it runs, and nothing may have been started. Ctrl-C ends it
with the figures so far.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from homes import WD, surroundings  # noqa: E402
from queues import CELERY, JOBS, redis_server  # noqa: E402
from support import connects, end_session, free_port, wait_for  # noqa: E402

BIN = Path(sys.executable).parent
SCRIPT = "import setproctitle, time\nsetproctitle.setproctitle('shopd: waits for orders')\ntime.sleep(3600)\n"
WSGI = 'def application(environ, start):\n    start("200 OK", [])\n    return [b"fine"]\n'
POSTGRES = shutil.which("postgres") or "/usr/local/bin/postgres"


@dataclass(frozen=True)
class Program:
    """How it is started, and how a person names it; `port` becomes its own where it has one."""

    argv: list[str]
    words: str
    title: str  # how the title begins
    port: bool = False
    user: str | None = None
    env: dict[str, str] = field(default_factory=dict)


def programs(broker: str) -> dict[str, Program]:
    env = {"BROKER": broker}
    celery = [str(BIN / "celery"), "-A", "tasks", "worker", "-c", "1"]
    gunicorn = [str(BIN / "gunicorn"), "-b", "127.0.0.1:{port}", "app:application"]
    uwsgi = [str(BIN / "uwsgi"), "--http-socket", "127.0.0.1:{port}", "--master", "--wsgi-file", "app.py"]
    uwsgi += ["--auto-procname", "--procname-prefix", "shop "]
    postgres = [POSTGRES, "-D", "{folder}/data", "-p", "{port}", "-k", "{folder}"]
    return {
        "Celery": Program(celery, "celery -A tasks worker", "[celery", env=env),
        "RQ": Program([str(BIN / "rq"), "worker", "--url", broker], "rq worker", "rq:worker", env=env),
        "gunicorn": Program(gunicorn, "gunicorn app:application", "gunicorn: master", port=True),
        "uWSGI": Program(uwsgi, "uwsgi", "shop uWSGI", port=True),
        "PostgreSQL": Program(postgres, "postgres -D", "postgres: checkpointer", port=True, user="postgres"),
        "a script": Program([str(BIN / "python"), "script.py"], "python script.py", "shopd:"),
    }


def shown(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode()


def titled(program: Program, leader: int) -> tuple[int, str]:
    """Who shows the title: the process itself, or a child of it (the first one of PostgreSQL keeps its words)."""
    for pid, parent in parents().items():
        with contextlib.suppress(OSError):
            if leader in (pid, parent) and shown(pid).startswith(program.title):
                return pid, shown(pid)
    return 0, ""


def parents() -> dict[int, int]:
    """The parent of each process."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return found


@contextlib.contextmanager
def running(program: Program, folder: Path, argv: list[str], port: int) -> Iterator[int]:
    (folder / "tasks.py").write_text(CELERY)
    (folder / "jobs.py").write_text(JOBS)
    (folder / "app.py").write_text(WSGI)
    (folder / "script.py").write_text(SCRIPT)
    if program.user:
        owner = pwd.getpwnam(program.user)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        made = [shutil.which("initdb") or str(Path(POSTGRES).with_name("initdb")), "-D", f"{folder}/data"]
        subprocess.run(
            made, user=program.user, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    process = subprocess.Popen(
        argv, cwd=folder, env={**os.environ, **program.env}, user=program.user, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(lambda: titled(program, process.pid)[0], f"{program.words} shows its title")
        wait_for(lambda: not program.port or connects(port), "it listens")
        yield process.pid
    finally:
        end_session(process)


def starts(folder: Path) -> set[int]:
    """Processes that work in the folder and were started by one that does not: each start, by hand or by wd, is one."""
    above = parents()
    here = set()
    for pid in above:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder):
                here.add(pid)
    return {pid for pid in here if above[pid] not in here}


def wd(home: Path, *words: str) -> list[dict[str, object]]:
    line = [*WD, "--home", str(home), *words, "-o", "json"]
    done = subprocess.run(line, capture_output=True, text=True, env=surroundings(), cwd="/", check=False, timeout=120)
    return [json.loads(row) for row in done.stdout.splitlines()]


def one(name: str, program: Program, home: Path, results: Counter[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder, port = Path(place), free_port()
        folder.chmod(0o700)
        argv = [word.format(port=port, folder=folder) for word in program.argv]
        with running(program, folder, argv, port) as pid:
            find = {"cmdline": program.words, "cwd": f"{folder}/data" if program.user else place}
            playbook = {
                "service": "one",
                "find": {**find, **({"port": port} if program.port else {})},
                "start": {"command": argv, "cwd": place, **({"user": program.user} if program.user else {})},
            }
            (home / "playbooks" / "one.yml").write_text(json.dumps(playbook))
            bearer, title = titled(program, pid)
            by_words = wd(home, "find", "--cmdline", program.words)
            by_title = wd(home, "find", "--cmdline", shlex.quote(title))
            started = wd(home, "start", "--service", "one")[-1]
            outcomes = {
                "found by its command line": pid in [row.get("pid") for row in by_words],
                "found by its title": bearer in [row.get("pid") for row in by_title],
                "said to run": (started.get("outcome"), started.get("pid")) == ("nothing", pid),
                "not started twice": starts(folder) == {pid},
            }
        for what, good in outcomes.items():
            results[f"{name}: {what}"] += good
            if not good:
                print(
                    f"    {name}: not {what}: {by_words[-1:] if 'line' in what else by_title[-1:]} {started}",
                    flush=True,
                )


def main(count: int) -> int:
    results: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        for name in ("playbooks", "runbooks", "logs"):
            (home / name).mkdir(0o700)
        with redis_server(home) as broker, contextlib.suppress(KeyboardInterrupt):
            kinds = list(programs(broker).items())
            for turn in range(count):
                name, program = kinds[turn % len(kinds)]
                one(name, program, home, results)
                tried[name] += 1
    good = True
    for name, number in tried.items():
        for what in ("found by its command line", "found by its title", "said to run", "not started twice"):
            found = results[f"{name}: {what}"]
            good = good and found == number
            print(f"{name:<12} {what:<28} {found} of {number}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 12))
