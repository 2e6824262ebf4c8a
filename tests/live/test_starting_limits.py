"""What a playbook allows a service (`start.limits`): set before it runs, and named when it ends at one of them."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from support import alive, wait_for
from watching import Home, Service

from watchdog.model.playbook import Limits
from watchdog.system.posix import birth, limits
from watchdog.system.posix.limits import StartLimits
from watchdog.system.process import processes

MEMORY = 96 << 20
EATS = "kept = []\nwhile True: kept.append(bytearray(b'x') * (8 << 20))"
SAYS = "import os, resource; print(resource.getrlimit(resource.RLIMIT_NOFILE), os.nice(0))"


def shop(home: Home, **allowed: object) -> Service:
    made = home.service("shop", "greedy.py")
    made.playbook["start"]["limits"] = allowed
    made.playbook["policy"]["mode"] = "observe"
    made.write()
    done = home.wd("start", "shop")
    assert done.code == 0, done.out + done.err
    return made


def ends(service: Service, greed: str) -> int:
    """The pid that it had."""
    pid = int(json.loads(service.answers())["pid"])
    service.tell(greed, "")
    wait_for(lambda: not alive(pid), "it has ended")
    return pid


def test_a_server_gets_the_open_files_and_the_priority_that_its_playbook_allows(home: Home) -> None:
    service = shop(home, open_files=300, nice=7)
    said = json.loads(service.answers())
    assert (said["open_files"], said["nice"]) == (300, 7)
    process = processes.read(said["pid"])
    assert process is not None
    assert os.getpriority(os.PRIO_PROCESS, process.parent) == os.getpriority(os.PRIO_PROCESS, 0), (
        "the shim is as it was"
    )


def test_a_server_that_ends_at_its_memory_limit_is_reported_as_such(home: Home) -> None:
    service = shop(home, memory="96MB")
    pid = ends(service, "eat")
    wait_for(lambda: "its limit (start.limits.memory)" in home.wd("status", "shop").out, "the status names the limit")
    told = json.loads(home.wd("why", "shop", "-o", "json").out.splitlines()[-1])
    assert told["findings"][0]["cause"] == "oom-killed", told
    assert "start.limits.memory" in told["findings"][0]["summary"]
    assert str(pid) in home.wd("status", "shop").out


def test_a_server_that_ends_for_want_of_open_files_is_reported_as_such(home: Home) -> None:
    service = shop(home, open_files=64)
    ends(service, "open")
    wait_for(lambda: "(start.limits.open_files)" in home.wd("status", "shop").out, "the status names the limit")
    assert "start.limits.open_files" in home.wd("why", "shop").out


def test_the_group_of_a_service_goes_with_it_and_its_shim_stays_outside(home: Home) -> None:
    service = shop(home, memory="200MB")
    pid = int(json.loads(service.answers())["pid"])
    groups = Path(f"/proc/{pid}/cgroup").read_text()
    ours = [line.split(":", 2)[2] for line in groups.splitlines() if "/wd-shop-" in line]
    if not ours:
        pytest.skip("this machine takes no control group of ours")
    process = processes.read(pid)
    assert process is not None
    assert "/wd-shop-" not in Path(f"/proc/{process.parent}/cgroup").read_text()
    (folder,) = {place.resolve() for place in Path("/sys/fs/cgroup").rglob(ours[0].rpartition("/")[2])}
    assert home.wd("stop", "shop", "--yes").code == 0
    wait_for(lambda: not folder.exists(), "the group is gone")


def run(allowed: Limits, code: str, folder: Path) -> tuple[subprocess.Popen[bytes], StartLimits, birth.Log]:
    set_here = StartLimits(allowed, "thing")
    log = birth.open_log(folder / "start.log", None, None)
    more = {"env": dict(os.environ), "preexec_fn": set_here.in_child}
    with set_here.while_starting():
        child = birth.spawn([sys.executable, "-c", code], cwd="/", user=None, log=log, more=more)
    child.wait(60)
    return child, set_here, log


def test_without_a_control_group_each_process_is_bounded_and_the_log_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError("no such thing here")

    monkeypatch.setattr(limits, "MemoryGroup", refused)
    child, here, log = run(Limits(memory=MEMORY), EATS, folder)
    assert child.returncode == 1 and "MemoryError" in log.last_lines()[-1]
    assert here.reached(1, log.last_lines()) == "memory"
    assert "no such thing here" in here.notice
    log.close()


def test_what_only_root_may_give_it_gives_and_takes_back_from_itself(folder: Path) -> None:
    if list(limits.problems(Limits(nice=-3))):
        pytest.skip("we may not raise a priority")
    before = os.getpriority(os.PRIO_PROCESS, 0)
    child, _, log = run(Limits(open_files=600, nice=-3), SAYS, folder)
    assert log.last_lines() == ("(600, 600) -3",)
    assert child.returncode == 0
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
    log.close()


def test_what_we_may_not_give_is_a_mistake_before_anything_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError("only root")

    most, before = resource.getrlimit(resource.RLIMIT_NOFILE)[1], os.getpriority(os.PRIO_PROCESS, 0)
    monkeypatch.setattr(limits, "_raise_files", refused)
    monkeypatch.setattr(limits, "_raise_priority", refused)
    found = list(limits.problems(Limits(open_files=most + 1, nice=before - 1)))
    assert len(found) == 2 and str(most) in found[0] and "only root" in found[1]
    assert not list(limits.problems(Limits(memory=MEMORY, open_files=most, nice=19)))
