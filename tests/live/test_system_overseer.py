"""The loop's parent: a child that stands still or is killed is started again, and neither outlives the other."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import alive, wait_for
from watching import Home, home_in

ROOT = Path(__file__).parents[2]
# Writes its pid into a file at each start; what it does then is the last word.
PROGRAM = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from watchdog.system.child.overseer import oversee
link = oversee(still=2.0)
if isinstance(link, int):
    sys.exit(link)
with open(sys.argv[2], "a") as file:
    file.write(f"{os.getpid()} {link.reason}\\n")
if sys.argv[3] == "exits":
    sys.exit(7)
if sys.argv[3] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    if sys.argv[3] != "still" or link.reason:
        link.beat()
    time.sleep(0.05)
"""


class Run:
    def __init__(self, folder: Path, what: str) -> None:
        self.file = folder / "starts"
        argv = [sys.executable, "-c", PROGRAM, str(ROOT), str(self.file), what]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True)

    def starts(self) -> list[tuple[int, str]]:
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [(int(line.partition(" ")[0]), line.partition(" ")[2]) for line in lines]

    def started(self, times: int) -> int:
        """The pid of the child that was started so many times."""
        wait_for(lambda: len(self.starts()) >= times, f"start {times}", 60)
        return self.starts()[times - 1][0]


@contextlib.contextmanager
def running(folder: Path, what: str) -> Iterator[Run]:
    run = Run(folder, what)
    try:
        yield run
    finally:
        run.process.kill()
        run.process.wait(30)
        wait_for(lambda: not any(alive(pid) for pid, _ in run.starts()), "no child is left")


def test_a_child_that_stands_still_is_ended_and_started_again_with_the_reason(folder: Path) -> None:
    with running(folder, "still") as run:
        first = run.started(1)
        run.started(2)
        assert not alive(first)
        assert "stood still" in run.starts()[1][1]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV])
def test_a_child_that_is_killed_or_stopped_is_started_again(folder: Path, number: int) -> None:
    with running(folder, "beats") as run:
        first = run.started(1)
        os.kill(first, number)
        run.started(2)
        assert not alive(first)
        run.process.send_signal(signal.SIGTERM)
        assert run.process.wait(30) == 128 + signal.SIGTERM


def test_a_parent_that_was_stopped_itself_does_not_blame_its_child(folder: Path) -> None:
    with running(folder, "beats") as run:
        run.started(1)
        for pid in (run.process.pid, run.starts()[0][0]):
            os.kill(pid, signal.SIGSTOP)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.process.wait(5.0)  # longer than a child may stand still
        for pid in (run.process.pid, run.starts()[0][0]):
            os.kill(pid, signal.SIGCONT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.process.wait(3.0)
        assert len(run.starts()) == 1


def test_a_child_does_not_outlive_its_parent(folder: Path) -> None:
    with running(folder, "beats") as run:
        child = run.started(1)
        run.process.kill()
        wait_for(lambda: not alive(child), "the child ends with its parent")


def test_the_exit_code_of_a_child_that_ends_by_itself_is_the_code_of_the_whole(folder: Path) -> None:
    with running(folder, "exits") as run:
        assert run.process.wait(60) == 7
        assert len(run.starts()) == 1


def test_a_child_that_does_not_end_when_asked_is_killed(folder: Path) -> None:
    with running(folder, "deaf") as run:
        child = run.started(1)
        run.process.send_signal(signal.SIGTERM)
        assert run.process.wait(60) == 2
        assert not alive(child)


def test_a_watch_whose_loop_is_killed_watches_on_and_says_so(folder: Path) -> None:
    with home_in(folder) as home:
        _watches_on(home)


def _watches_on(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    daemon = home.watch()
    os.kill(daemon.loop, signal.SIGKILL)
    daemon.hears("started again: it was ended by SIGKILL")
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: shop.pid() not in (0, before), "the server is started again", 60)
    assert daemon.stop() == 0
