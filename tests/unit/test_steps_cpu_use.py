"""What `wd find` and `wd ps` say of CPU use: measured while they wait for something else, by a fine clock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from watchdog.model.process import Member, Tree
from watchdog.steps.cpu_use import CpuUse
from watchdog.system.process import processes


def tree_of(pid: int) -> Tree:
    process = processes.read(pid)
    assert process is not None
    return Tree((Member(process, "root", ()),))


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as started:
        yield started
        started.kill()


def test_the_use_of_one_who_works_is_told_over_a_short_time() -> None:
    use = CpuUse([tree_of(os.getpid())])
    end = processes.cpu_seconds(os.getpid())
    assert end is not None
    while (processes.cpu_seconds(os.getpid()) or 0.0) < end + 0.02:
        pass
    assert use.percent()[os.getpid()] > 1


@pytest.mark.posix("Windows stops no process")
def test_one_who_only_waits_uses_nothing(child: subprocess.Popen[bytes]) -> None:
    os.kill(child.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    assert CpuUse([tree_of(child.pid)]).percent() == {child.pid: 0.0}


def test_one_who_ends_meanwhile_is_left_out(child: subprocess.Popen[bytes]) -> None:
    use = CpuUse([tree_of(child.pid)])
    child.kill()
    child.wait()
    assert use.percent() == {}


def test_nobody_is_asked_about_a_process_that_is_not_there() -> None:
    assert processes.cpu_seconds(processes.pid_max() + 1) is None
