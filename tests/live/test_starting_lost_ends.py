"""No end of a server is lost, whoever was killed before it and whoever reaps them."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import alive, free_port, wait_for
from watching import Home, Service

from watchdog.model.launching import ShimRecord
from watchdog.model.playbook import Start
from watchdog.starting import launch
from watchdog.system.process import processes
from watchdog.system.shim import records

SLEEPS = (sys.executable, "-c", "import time; time.sleep(600)")
PR_SET_CHILD_SUBREAPER = 36


@contextlib.contextmanager
def nobody_reaps() -> Iterator[list[int]]:
    """Orphans stay zombies, as in a container whose first process does not reap. Those in the list are reaped last."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    ours: list[int] = []
    try:
        yield ours
    finally:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        for pid in ours:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid), f"pid {pid} ends")


def started(folder: Path, **more: object) -> tuple[launch.Shim, int]:
    spec = Start(command=SLEEPS, cwd=str(folder), **more)  # type: ignore[arg-type]
    shim = launch.arm(spec, "thing", folder)
    result = shim.start()
    assert result.outcome == "done" and result.pid, result.message
    return shim, result.pid


def test_the_end_is_noted_though_the_killed_shim_is_still_a_zombie(folder: Path) -> None:
    with nobody_reaps() as ours:
        shim, pid = started(folder)
        ours += [shim.pid, pid]
        shim.done()
        kill(shim.pid)
        (before,) = launch.records(folder, "thing")
        assert before.ended is None, "its server lives"
        kill(pid)
        assert processes.read(shim.pid) is not None, "the shim is a zombie"
        (record,) = launch.records(folder, "thing")
        assert record.ended is not None and record.ended > record.started
        assert record.end_is_unknown and (record.code, record.signal, record.last_lines) == (None, None, ())
        assert launch.records(folder, "thing") == (record,), "the moment is when it was first seen gone"


def test_a_zombie_shim_holds_no_socket(folder: Path) -> None:
    with nobody_reaps() as ours:
        shim, pid = started(folder, listen=(f"127.0.0.1:{free_port()}",))
        ours += [shim.pid, pid]
        shim.done()
        assert launch.restarts_itself(folder, "thing")
        kill(shim.pid)
        assert processes.read(shim.pid) is not None, "the shim is a zombie"
        assert not launch.restarts_itself(folder, "thing")


def test_a_fallback_that_is_asked_for_at_the_moment_of_the_death_leaves_the_end_of_the_first_command(
    folder: Path,
) -> None:
    shim, pid = started(folder, fallback=SLEEPS)
    os.kill(shim.pid, signal.SIGSTOP)  # it sees the death and the word at one time
    try:
        kill(pid)
        shim._line.send(word="fallback")
    finally:
        os.kill(shim.pid, signal.SIGCONT)
    try:
        wait_for(lambda: len(launch.records(folder, "thing")) == 2, "the fallback runs")
        first, second = launch.records(folder, "thing")
        assert (first.pid, first.signal) == (pid, signal.SIGKILL)
        assert second.ended is None
    finally:
        shim.done()
        kill(launch.records(folder, "thing")[-1].pid)
    wait_for(lambda: not alive(shim.pid), "the shim goes with its service")


def test_what_the_shim_notes_as_its_last_act_is_not_overwritten(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader sees a record without an end; before it looks for the shim, that one notes the end, and goes."""
    running = ShimRecord("thing", 2**22 - 1, 7, 1000.0, 2**22 - 2, boot=processes.boot_id())
    noted = ShimRecord("thing", 2**22 - 1, 7, 1000.0, 2**22 - 2, ended=1001.0, code=3, boot=processes.boot_id())
    records.write(folder, running)

    def gone_after_its_last_act(pid: int) -> None:
        records.write(folder, noted)

    monkeypatch.setattr(processes, "read", gone_after_its_last_act)
    assert records.up_to_date(folder, 2000.0) == (noted,)
    assert records.read_all(folder) == (noted,)


def held(home: Home) -> Service:
    service = home.service("shop", "held.py")
    service.playbook["start"]["listen"] = f"127.0.0.1:{service.port}"
    service.write()
    return service


def test_a_person_reads_that_the_exit_status_is_unknown_not_one_that_was_made_up(home: Home) -> None:
    service = held(home)
    assert home.wd("start", "shop").code == 0
    pid = service.pid()
    shim = processes.read(pid)
    assert shim is not None
    kill(shim.parent)
    kill(pid)
    (death,) = home.wd("status", "shop", "-o", "json").rows[0]["deaths"]
    assert (death["pid"], death["code"], death["signal"]) == (pid, None, None)
    assert "its exit status is unknown" in death["why"]
    assert "its exit status is unknown" in home.wd("status", "shop").out


def test_a_shim_that_was_left_alone_starts_the_server_again_also_after_a_restart_that_failed(home: Home) -> None:
    """Its wd was killed during the start. Later another wd began a restart, and that one's server has ended."""
    service = held(home)
    service.tell("load", 1.5)
    child = home.begin("start", "shop")
    wait_for(lambda: service.living(), "the server is under way")
    child.kill()
    child.wait(30)
    assert child.stdout is not None
    child.stdout.close()
    wait_for(service.pid, "it answers")
    old, lock = service.pid(), home.folder / "logs" / "shim" / "shop" / "lock"
    wait_for(lambda: is_free(lock), "the shim is done with the start")
    service.tell("load", None)
    service.tell("fails", "")
    assert home.wd("restart", "shop", "--yes").code != 0
    service.tell("fails", None)
    assert service.living() == [old]
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: service.pid() not in (0, old), "its shim starts it again")


def is_free(lock: Path) -> bool:
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
