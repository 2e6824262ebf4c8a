"""Processes that show a title: found by their real command line and by the title, and never started a second time?

    python benchmarks/retitled.py [PROCESSES]        # 12 without a number; needs redis, PostgreSQL, uWSGI

One program after the other (Celery, RQ, gunicorn, uWSGI, PostgreSQL, a script with setproctitle), in a folder of its
own. Each process is asked for with `wd find`, once by the words of its start and once by the whole title that it shows;
then `wd start` of a playbook for it must say that it runs, and nothing may have been started.
"""

# ruff: noqa: E501 - one row a program

from __future__ import annotations

import contextlib
import json
import os
import pwd
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
    python = str(BIN / "python")
    env = {"BROKER": broker}
    return {
        "Celery": Program([str(BIN / "celery"), "-A", "tasks", "worker", "-c", "1"], "celery -A tasks worker", "[celery", env=env),
        "RQ": Program([str(BIN / "rq"), "worker", "--url", broker], "rq worker", "rq:worker", env=env),
        "gunicorn": Program([str(BIN / "gunicorn"), "-b", "127.0.0.1:{port}", "app:application"], "gunicorn app:application", "gunicorn: master", port=True),
        "uWSGI": Program([str(BIN / "uwsgi"), "--http-socket", "127.0.0.1:{port}", "--master", "--auto-procname", "--procname-prefix", "shop ", "--wsgi-file", "app.py"], "uwsgi", "shop uWSGI", port=True),
        "PostgreSQL": Program([POSTGRES, "-D", "{folder}/data", "-p", "{port}", "-k", "{folder}"], "postgres -D", "postgres", port=True, user="postgres"),
        "a script": Program([python, "script.py"], "python script.py", "shopd:"),
    }  # fmt: skip


def shown(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode()


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
        subprocess.run(made, user=program.user, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    process = subprocess.Popen(
        argv, cwd=folder, env={**os.environ, **program.env}, user=program.user, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(lambda: shown(process.pid).startswith(program.title), f"{program.words} shows its title")
        wait_for(lambda: not program.port or connects(port), "it listens")
        yield process.pid
    finally:
        end_session(process)


def processes_in(folder: Path) -> set[int]:
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink().is_relative_to(folder):
                found.add(int(entry.name))
    return found


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
            before = processes_in(folder)
            by_words = wd(home, "find", "--cmdline", program.words)
            by_title = wd(home, "find", "--cmdline", shown(pid).replace("'", "'\\''"))
            started = wd(home, "start", "--service", "one")[-1]
            outcomes = {
                "found by its command line": pid in [row.get("pid") for row in by_words],
                "found by its title": pid in [row.get("pid") for row in by_title],
                "said to run": (started.get("outcome"), started.get("pid")) == ("nothing", pid),
                "not started twice": not {one for one in processes_in(folder) - before if shown_start(one) == argv[0]},
            }
        for what, good in outcomes.items():
            results[f"{name}: {what}"] += good
            if not good:
                print(f"    {name}: not {what}: {started if 'start' in what or 'run' in what else ''}", flush=True)


def shown_start(pid: int) -> str:
    with contextlib.suppress(OSError):
        return shown(pid).split(" ")[0]
    return ""


def main(count: int) -> int:
    results: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        for name in ("playbooks", "runbooks", "logs"):
            (home / name).mkdir(0o700)
        with redis_server(home) as broker:
            kinds = list(programs(broker).items())
            for turn in range(count):
                name, program = kinds[turn % len(kinds)]
                tried[name] += 1
                one(name, program, home, results)
    good = True
    for name, number in tried.items():
        for what in ("found by its command line", "found by its title", "said to run", "not started twice"):
            found = results[f"{name}: {what}"]
            good = good and found == number
            print(f"{name:<12} {what:<28} {found} of {number}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 12))
