"""A sick machine may also be a hostile one: nothing that stands on it is ever run, and no target is left stopped."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import ROOT, Shop, answering_pid, ask_without_waiting, shop_in, surroundings
from strangers import DROP
from support import alive, connects, wait_for

from watchdog.evidence import stacks
from watchdog.system.process import processes

MODULES = (
    *("yaml", "psutil", "requests", "click", "jinja2", "pydantic", "rich", "loguru", "platformdirs"),
    *("markdown_it", "ruamel", "cronsim", "apscheduler", "sqlite3", "ctypes", "watchdog"),
)
PROGRAMS = (
    "py-spy",
    "python",
    "python3",
    "ss",
    "lsof",
    "ps",
    "gdb",
    "systemctl",
    "supervisorctl",
    "docker",
    "sh",
    "id",
)
ROUNDS = int(os.environ.get("WD_TRACE_ROUNDS", "6"))


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


def trap(folder: Path) -> Path:
    """A folder in which every module and program that wd might reach for leaves a mark if it is run."""
    folder.mkdir()
    mark = folder / "mark"
    for name in MODULES:
        text = f"import os, sys\nopen({str(mark)!r}, 'a').write({name!r} + ' ' + repr(sys.argv) + chr(10))\n"
        (folder / f"{name}.py").write_text(text)
    for name in PROGRAMS:
        path = folder / name
        path.write_text(f"#!/bin/bash\necho {name} $* >> {mark}\n")
        path.chmod(0o755)
    return mark


def test_nothing_that_an_attacker_has_laid_out_is_run(shop: Shop) -> None:
    """The target has a folder of modules as its own, a PYTHONPATH, and a Python that is its own copy."""
    evil = shop.folder / "evil"
    mark = trap(evil)
    fake = evil / "python3.11"
    shutil.copy2(Path(sys.executable).resolve(), fake)
    entry = shop.folder / "wd"
    entry.write_text("from watchdog.cli.main import main\nmain()\n")
    env = surroundings(PATH=f"{evil}:{os.environ['PATH']}")
    home_of_python = {"PYTHONHOME": sys.base_prefix, "PYTHONPATH": str(evil)}
    argv = [str(fake), str(shop.script), str(shop.port)]
    with subprocess.Popen(argv, cwd=evil, env={**env, **home_of_python}, start_new_session=True) as server:
        try:
            wait_for(lambda: connects(shop.port), "it listens")
            shop.hang()
            words = (["ps"], ["find", f":{shop.port}"], ["why", f":{shop.port}", "--locals", "--within", "3s"])
            commands = (*words, ["snapshot", f":{shop.port}", "--within", "3s"], ["doctor"])
            commands = (*commands, ["run", "frozen-server", "--service", "shop", "--yes", "--set", "evidence=2s"])
            for command in commands:
                subprocess.run(
                    [sys.executable, str(entry), "--home", str(shop.folder), *command],
                    cwd=evil, env={**env, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=100, check=False,
                )  # fmt: skip
            assert not alive(server.pid) and answering_pid(shop.port) == shop.copies()[0]
        finally:
            server.kill()
    assert not mark.exists(), mark.read_text()


def test_a_tracer_that_hangs_is_ended_at_its_deadline_with_all_it_started(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = folder / "pids"
    tracer = folder / "py-spy"
    tracer.write_text(f"#!/bin/sh\ntrap '' TERM INT HUP\nsleep 600 &\necho $$ $! >> {pids}\nwait\nsleep 600\n")
    tracer.chmod(0o755)
    monkeypatch.setattr(stacks, "tracer", lambda: str(tracer))
    look = stacks.dump(os.getpid(), timeout=1.0)
    assert look.threads == () and "no answer in 1 s" in (look.error or "")
    assert look.seconds < 20
    wait_for(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()), "nothing of it is left")


@pytest.mark.parametrize("round", range(ROUNDS))
def test_a_target_runs_on_whenever_wd_is_ended_while_it_looks(shop: Shop, round: int) -> None:
    with shop.server() as server:
        for _ in range(4):
            ask_without_waiting(shop.port, "/hang" if round % 2 else "/health")
        verb = ("snapshot", "why", "snapshot", "kill")[round % 4]
        more = ("--dry-run",) if verb == "kill" else ("--within", "5s")
        look = shop.begin(verb, f":{shop.port}", *more)
        end = time.monotonic() + random.uniform(0.3, 2.5)
        while time.monotonic() < end:
            assert state(server.pid) not in ("T", "t"), "it is stopped while we look"
            time.sleep(0.002)
        os.killpg(look.pid, signal.SIGKILL)
        look.wait(30)
        assert look.stdout is not None
        look.stdout.close()
        wait_for(lambda: tracer_of(server.pid) == 0 and state(server.pid) not in ("T", "t"), "nobody holds it")
        if not round % 2:
            wait_for(lambda: answering_pid(shop.port) == server.pid, "it goes on to answer")


def state(pid: int) -> str:
    found = processes.read(pid)
    return found.state if found else ""


def tracer_of(pid: int) -> int:
    found = processes.read(pid)
    return found.tracer if found else 0


@pytest.mark.root
def test_what_was_kept_can_be_read_by_no_other_user(shop: Shop) -> None:
    with shop.server(hung=True):
        place = Path(shop.wd("snapshot", f":{shop.port}", "--within", "2s", "-o", "json").last["evidence"])
    for folder in (shop.folder, *shop.folder.parents):
        if folder.stat().st_uid == 0 and folder.name.startswith(("pytest-", "test_", "popen-")):
            folder.chmod(0o755)  # only what wd made is to keep them out
    assert subprocess.run([*DROP, "ls", str(place)], capture_output=True, check=False).returncode != 0
    assert place.stat().st_mode & 0o777 == 0o700 and place.parent.stat().st_mode & 0o777 == 0o700
