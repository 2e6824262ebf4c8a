"""The end of a process is told at once, once, and only while somebody wants to hear it."""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support import wait_for

from watchdog.model.process import Identity
from watchdog.system.host import sd_notify as notify
from watchdog.system.process import processes
from watchdog.system.process.deaths import Deaths


def sleeper() -> tuple[subprocess.Popen[bytes], Identity]:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    found = processes.read(child.pid)
    assert found is not None
    return child, found.identity


def test_a_death_is_told_once_and_a_zombie_is_one() -> None:
    told: queue.Queue[Identity] = queue.Queue()
    deaths = Deaths(told.put)
    deaths.start()
    child, identity = sleeper()
    assert deaths.watch(identity)
    assert deaths.watch(identity), "asked twice, watched once"
    child.kill()  # nobody reaps it yet
    assert told.get(timeout=30) == identity
    child.wait(30)
    assert told.empty()
    assert len(deaths) == 0
    deaths.stop()


def test_who_is_forgotten_is_not_told() -> None:
    told: queue.Queue[Identity] = queue.Queue()
    deaths = Deaths(told.put)
    deaths.start()
    (one, first), (two, second) = sleeper(), sleeper()
    deaths.watch(first)
    deaths.watch(second)
    deaths.forget(first)
    one.kill()
    two.kill()
    assert told.get(timeout=30) == second
    one.wait(30)
    two.wait(30)
    assert told.empty()
    deaths.stop()


def test_who_has_ended_already_is_said_to_have() -> None:
    child, identity = sleeper()
    child.kill()
    child.wait(30)
    deaths = Deaths(lambda ended: None)
    assert not deaths.watch(identity)
    assert not deaths.watch(Identity(identity.boot, os.getpid(), 1)), "another process has that pid now"


def test_a_hundred_deaths_leave_no_descriptor_open() -> None:
    told: queue.Queue[Identity] = queue.Queue()
    deaths = Deaths(told.put)
    deaths.start()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(20):
        child, identity = sleeper()
        deaths.watch(identity)
        child.kill()
        child.wait(30)
        told.get(timeout=30)
    wait_for(lambda: len(os.listdir("/proc/self/fd")) <= before + 1, "all are closed")  # noqa: PTH208
    deaths.stop()


def test_systemd_is_told_only_where_it_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify.tell("READY=1")
    path = str(folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path)
        systemd.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        assert notify.tell("READY=1")
        assert systemd.recv(100) == b"READY=1"
    assert not notify.tell("READY=1"), "nobody listens any more"


@pytest.mark.parametrize(
    ("limit", "pid", "period"),
    [("60000000", "", 30.0), ("", "", None), ("x", "", None), ("0", "", None), ("60000000", "1", None)],
)
def test_the_period_is_half_of_what_systemd_allows(
    monkeypatch: pytest.MonkeyPatch, limit: str, pid: str, period: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", limit)
    monkeypatch.setenv("WATCHDOG_PID", pid)
    assert notify.watchdog_period() == period
