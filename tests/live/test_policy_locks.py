"""One run a target at a time, shown with real processes."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import wait_for

from watchdog.model.errors import Refused
from watchdog.policy.lock_files import holder, target_lock

HOLD = """
import sys, pathlib
from watchdog.policy.lock_files import target_lock
with target_lock("shop", "run frozen-server on shop", folder=pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""
ROUNDS = int(os.environ.get("WD_ROUNDS", "1"))
RACE = """
import sys, pathlib
from watchdog.model.errors import Refused
from watchdog.policy.lock_files import target_lock
folder = pathlib.Path(sys.argv[1])
print("ready", flush=True)
for number in sys.stdin:
    try:
        with target_lock("shop", f"run {number.strip()}", folder=folder):
            with open(folder / f"acted-{number.strip()}", "a") as out:
                out.write("x")
            print("acted", flush=True)
            sys.stdin.readline()
    except Refused as refused:
        print("refused " + refused.why, flush=True)
        sys.stdin.readline()
    print("over", flush=True)
"""


def python(code: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        start_new_session=True,
    )


@contextlib.contextmanager
def holding(folder: Path):
    process = python(HOLD, str(folder))
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_second_one_is_told_who_holds_the_target(folder: Path) -> None:
    with holding(folder) as first:
        with pytest.raises(Refused) as told, target_lock("shop", "kill", folder=folder):
            pass
        assert "run frozen-server on shop" in told.value.why
        assert f"pid {first.pid}" in told.value.why
        found = holder("shop", folder)
        assert found is not None and found.pid == first.pid
        with target_lock("other", "kill", folder=folder):
            pass


def test_a_holder_killed_with_9_frees_the_target_at_once(folder: Path) -> None:
    for _ in range(10):
        with holding(folder) as first:
            first.send_signal(signal.SIGKILL)
            first.wait()
            with target_lock("shop", "run again", folder=folder):
                found = holder("shop", folder)
                assert found is not None and found.pid == os.getpid()
    assert holder("shop", folder) is None


def test_a_waiter_gets_it_when_the_first_is_done(folder: Path) -> None:
    with holding(folder) as first:
        assert first.stdin is not None
        first.stdin.write("\n")
        first.stdin.flush()
        with target_lock("shop", "run", wait=20, folder=folder):
            pass


def test_children_do_not_inherit_the_lock(folder: Path) -> None:
    with target_lock("shop", "run", folder=folder):
        started = subprocess.Popen(["sleep", "60"], close_fds=False)
        reads, writes = os.pipe()
        forked = os.fork()
        if forked == 0:
            os.close(writes)
            os.read(reads, 1)
            os._exit(0)
        os.close(reads)
    try:
        with target_lock("shop", "run again", folder=folder):
            pass
    finally:
        started.kill()
        started.wait()
        os.close(writes)
        os.waitpid(forked, 0)


def test_a_forked_child_that_leaves_the_block_does_not_free_the_parents_lock(folder: Path) -> None:
    with target_lock("shop", "run", folder=folder):
        forked = os.fork()
        if forked == 0:
            gc.collect()
            os._exit(0)
        os.waitpid(forked, 0)
        with pytest.raises(Refused), target_lock("shop", "other", folder=folder):
            pass


def test_two_threads_of_one_process_exclude_each_other_too(folder: Path) -> None:
    with target_lock("shop", "run", folder=folder), pytest.raises(Refused), target_lock("shop", "x", folder=folder):
        pass


def test_of_eight_at_once_exactly_one_acts(folder: Path) -> None:
    racers = [python(RACE, str(folder)) for _ in range(8)]
    try:
        for racer in racers:
            assert racer.stdout is not None and racer.stdout.readline() == "ready\n"
        for number in range(25 * ROUNDS):
            for racer in racers:
                assert racer.stdin is not None
                racer.stdin.write(f"{number}\n")
                racer.stdin.flush()
            said = [racer.stdout.readline() for racer in racers if racer.stdout]
            assert sum(line == "acted\n" for line in said) == 1
            assert all(f"run {number}" in line for line in said if line != "acted\n"), said
            for racer in racers:
                assert racer.stdin is not None
                racer.stdin.write("\n")
                racer.stdin.flush()
            assert [racer.stdout.readline() for racer in racers if racer.stdout] == ["over\n"] * 8
            assert (folder / f"acted-{number}").read_text() == "x"
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()


def test_lock_files_are_0600_under_an_open_umask(folder: Path) -> None:
    before = os.umask(0)
    try:
        with target_lock("shop: a/b", "run", folder=folder / "locks"):
            found = {path.name: path.stat().st_mode & 0o777 for path in (folder / "locks").iterdir()}
    finally:
        os.umask(before)
    assert set(found.values()) == {0o600} and len(found) == 2
    assert (folder / "locks").stat().st_mode & 0o777 == 0o700
    wait_for(lambda: holder("shop: a/b", folder / "locks") is None, "free again")
