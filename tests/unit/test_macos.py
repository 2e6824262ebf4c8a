"""The parts that only macOS uses, as far as another system can show them: with a queue and a launchd of the test's."""

from __future__ import annotations

import plistlib
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

if sys.platform == "win32":
    pytest.skip("macOS is a POSIX system", allow_module_level=True)

from watchdog.commands import timetable
from watchdog.commands.timetable import Job
from watchdog.model.errors import CannotTell, Failed, Refused
from watchdog.system.host import schedulers
from watchdog.system.macos import grips, launchd

JOB = Job("wd-shop-abc123", ("/usr/bin/wd", "--home", "/srv/my shop", "tick"), 60.0, "wd looks after shop", "/srv")


class Queue:
    """Behaves as a kqueue with one EVFILT_PROC of a child of ours."""

    made: ClassVar[list[Queue]] = []

    def __init__(self) -> None:
        self.pid, self.closed = 0, False
        Queue.made.append(self)

    def fileno(self) -> int:
        return 1000 + Queue.made.index(self)

    def control(self, changes: list[Any] | None, most: int, timeout: float | None = None) -> list[Any]:
        if changes:
            (self.pid,) = (one.ident for one in changes)
            if self.pid not in CHILDREN:
                raise ProcessLookupError
            return []
        try:
            CHILDREN[self.pid].wait(timeout or 0)
        except subprocess.TimeoutExpired:
            return []
        return ["ended"]

    def close(self) -> None:
        self.closed = True


CHILDREN: dict[int, subprocess.Popen[bytes]] = {}


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts children that the queues of this test know."""
    for name in ("KQ_FILTER_PROC", "KQ_EV_ADD", "KQ_EV_ENABLE", "KQ_NOTE_EXIT"):
        monkeypatch.setattr(select, name, 1, raising=False)
    monkeypatch.setattr(select, "kqueue", Queue, raising=False)
    monkeypatch.setattr(select, "kevent", lambda pid, **_: SimpleNamespace(ident=pid), raising=False)

    def start() -> subprocess.Popen[bytes]:
        found = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        CHILDREN[found.pid] = found
        return found

    try:
        yield start
    finally:
        for one in CHILDREN.values():
            one.kill()
            one.wait(30)
        CHILDREN.clear()
        Queue.made.clear()


def test_a_held_process_gets_its_signal_and_one_that_has_ended_gets_none(
    child: Callable[[], subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = child()
    grip = grips.take(first.pid, allow_unsafe=False)
    assert grip is not None
    assert not grips.finished(grip)
    grips.deliver(grip, grips.KILL)
    grips.wait_any([grip], 30)
    assert grips.finished(grip)
    sent: list[int] = []
    monkeypatch.setattr("os.kill", lambda pid, number: sent.append(pid))
    with pytest.raises(ProcessLookupError):
        grips.deliver(grip, grips.KILL)
    assert sent == [], "the pid may belong to another process by now"
    grips.release(grip)
    assert Queue.made[0].closed


def test_one_of_several_that_ends_wakes_who_waits(child: Callable[[], subprocess.Popen[bytes]]) -> None:
    first, second = child(), child()
    held = [grips.take(one.pid, allow_unsafe=False) for one in (first, second)]
    taken = [one for one in held if one is not None]
    second.kill()
    grips.wait_any(taken, 30)
    assert [grips.finished(one) for one in taken] == [False, True]
    for one in taken:
        grips.release(one)


def test_nobody_is_held_who_is_gone(child: Callable[[], subprocess.Popen[bytes]]) -> None:
    assert grips.take(2**22 + 1, allow_unsafe=False) == -1
    assert Queue.made[0].closed


@pytest.mark.skipif(hasattr(select, "kqueue"), reason="this system has kernel queues")
def test_without_kernel_queues_nothing_is_signalled_unless_that_is_allowed() -> None:
    with pytest.raises(Refused, match="cannot be held fast"):
        grips.take(1234, allow_unsafe=False)
    assert grips.take(1234, allow_unsafe=True) is None


@pytest.mark.parametrize(("loop", "key", "value"), [(False, "StartInterval", 60), (True, "KeepAlive", True)])
def test_a_job_of_launchd_leaves_the_servers_that_it_started_alone(loop: bool, key: str, value: object) -> None:
    found = plistlib.loads(timetable.launchd_plist(JOB, loop=loop).encode())
    assert found["Label"] == JOB.name
    assert found["ProgramArguments"] == list(JOB.command)
    assert found["AbandonProcessGroup"] is True
    assert found[key] == value


class Launchd:
    """Stands for launchctl: keeps what it was asked for."""

    def __init__(self, code: int = 0) -> None:
        self.code, self.asked = code, list[list[str]]()

    def run(self, words: list[str], timeout: float) -> SimpleNamespace:
        self.asked.append(words[1:])
        ok = self.code == 0 or words[1] == "bootout"
        return SimpleNamespace(ok=ok, error="", output="Bootstrap failed: 5: Input/output error")


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path, code: int = 0) -> Launchd:
    found = Launchd(code)
    monkeypatch.setattr(launchd.commands, "run", found.run)
    monkeypatch.setattr(launchd.accounts, "is_admin", lambda: False)
    monkeypatch.setattr(launchd.accounts, "our_id", lambda: 501)
    monkeypatch.setattr(launchd.Path, "home", lambda: folder)
    return found


def test_a_job_is_written_taken_up_and_taken_out_again(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    asked = stand_in(monkeypatch, folder)
    launchd.put_agent(JOB.name, "a plist")
    path = folder / "Library" / "LaunchAgents" / f"{JOB.name}.plist"
    assert launchd.read_agent(JOB.name) == path.read_text() == "a plist"
    assert asked.asked == [["bootout", f"gui/501/{JOB.name}"], ["bootstrap", "gui/501", str(path)]]
    launchd.take_agent(JOB.name)
    assert launchd.read_agent(JOB.name) == ""
    assert asked.asked[-1] == ["bootout", f"gui/501/{JOB.name}"]


def test_a_job_that_launchd_does_not_take_is_reported(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    stand_in(monkeypatch, folder, code=5)
    with pytest.raises(Failed, match="did not take the job"):
        launchd.put_agent(JOB.name, "a plist")


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has launchd")
def test_elsewhere_the_plist_is_printed_and_not_installed() -> None:
    with pytest.raises(CannotTell, match="no launchd"):
        schedulers.put_agent(JOB.name, "a plist")
