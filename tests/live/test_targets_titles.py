"""Programs that overwrite their command line with a title: found by what they are, and never started twice."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import Shop, shop_in
from support import SERVERS, alive, free_port, wait_for

from watchdog.model.playbook import Playbook, Ready, Start
from watchdog.model.selector import Selector
from watchdog.starting import launch
from watchdog.steps.spec import Context
from watchdog.steps.start import start
from watchdog.system.child import child_call
from watchdog.system.process import processes
from watchdog.targets import originals

TITLE = "[shopd: worker@host:Main] -active- (queue high)"


class Worker:
    """`queue`, a service without a port whose program shows a title; started by hand or by wd."""

    def __init__(self, room: Shop) -> None:
        self.home, self.cwd = room, room.folder / "queue"
        self.cwd.mkdir(mode=0o700)
        self.script = self.cwd / "queue_worker.py"
        self.script.write_bytes((SERVERS / "titled.py").read_bytes())
        self.script.chmod(0o600)
        self.argv = [sys.executable, "queue_worker.py", TITLE]

    def playbook(self, find: str = "cmdline: queue_worker.py", more: str = "") -> None:
        path = self.home.folder / "playbooks" / "queue.yml"
        start = f"{{command: {json.dumps(self.argv)}, cwd: {self.cwd}, ready: {{within: 20s}}}}"
        path.write_text(f"service: queue\nfind: {{{find}}}\nstart: {start}\n{more}")

    def begin(self, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        """Started by hand."""
        process = subprocess.Popen(
            self.argv, cwd=cwd or self.cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        )
        wait_for(lambda: shown(process.pid).startswith("[shopd"), "it shows its title")
        return process

    def copies(self) -> list[int]:
        """Every living process in its folder, whatever it calls itself."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (folder / "cwd").readlink() == self.cwd:
                    found.append(int(folder.name))
        return sorted(pid for pid in found if alive(pid))


def shown(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()
    return ""


@pytest.fixture
def worker(folder: Path) -> Iterator[Worker]:
    with shop_in(folder) as room:
        made = Worker(room)
        made.playbook()
        try:
            yield made
        finally:
            for pid in made.copies():
                os.kill(pid, signal.SIGKILL)
            wait_for(lambda: not made.copies(), "all copies are gone")


@contextlib.contextmanager
def by_hand(worker: Worker, cwd: Path | None = None) -> Iterator[int]:
    process = worker.begin(cwd)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait(10)


def test_the_words_of_its_start_are_known_though_it_shows_a_title(worker: Worker) -> None:
    with by_hand(worker) as pid:
        found = processes.read(pid)
        assert found is not None
        process = originals.with_commands([found])[pid]
        assert process.cmdline == (TITLE,) and process.original == tuple(worker.argv)


def test_only_the_memory_of_a_python_interpreter_is_read_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node or perl program with a title costs no child."""
    asked: list[object] = []
    monkeypatch.setattr(child_call, "call", lambda *call: asked.append(call))
    perl = ["perl", "-e", "$0 = 'shopd: worker ready'; sleep 600"]
    with subprocess.Popen(perl, start_new_session=True) as process:
        try:
            wait_for(lambda: shown(process.pid) == "shopd: worker ready", "it shows its title")
            found = processes.read(process.pid)
            assert found is not None
            one = originals.with_commands([found])[process.pid]
            assert one.cmdline == ("shopd: worker ready",) and one.original is None and not asked
        finally:
            process.kill()


@pytest.mark.parametrize(
    "words",
    ["queue_worker.py", "python queue_worker.py", f"{sys.executable} queue_worker.py", "{cwd}/queue_worker.py", TITLE],
)
def test_it_is_found_by_its_command_line_and_by_the_title_that_is_printed(worker: Worker, words: str) -> None:
    with by_hand(worker) as pid:
        found = worker.home.wd("find", "--cmdline", words.format(cwd=worker.cwd), "-o", "json")
        assert pid in [row.get("pid") for row in found.rows], found


@pytest.mark.parametrize("find", ["cmdline: queue_worker.py", "cmdline: an_old_name.py"])
def test_a_worker_that_runs_already_is_not_started_a_second_time(worker: Worker, find: str) -> None:
    """Also where only the start command, and not `find.cmdline`, says what it is."""
    worker.playbook(find)
    with by_hand(worker) as pid:
        done = worker.home.wd("start", "--service", "queue", "-o", "json")
        assert (done.code, done.last["pid"], worker.copies()) == (0, pid, [pid]), done


def test_what_wd_has_started_is_known_whatever_it_becomes(worker: Worker) -> None:
    """The command is a launcher: it becomes a program that shares neither words nor folder with it."""
    real = SERVERS / "titled.py"
    worker.argv = ["/bin/sh", "-c", f"cd / && exec {sys.executable} {real} '{TITLE}'"]
    worker.playbook("cmdline: nothing_like_it.py")
    first = worker.home.wd("start", "--service", "queue", "-o", "json")
    pid = first.last["pid"]
    try:
        wait_for(lambda: shown(pid) == TITLE, "it shows its title")
        again = worker.home.wd("start", "--service", "queue", "-o", "json")
        assert (again.code, again.last["pid"]) == (0, pid), again
        ended = worker.home.wd("stop", "--service", "queue", "-o", "json")
        assert ended.code == 0 and ended.last["outcome"] == "done" and not alive(pid), ended
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_it_is_stopped_and_started_like_a_server(worker: Worker) -> None:
    with by_hand(worker) as pid:
        stopped = worker.home.wd("stop", "--service", "queue", "-o", "json")
        assert (stopped.code, stopped.last["outcome"]) == (0, "done") and not alive(pid), stopped
        started = worker.home.wd("start", "--service", "queue", "-o", "json")
        assert started.code == 0 and worker.copies() == [started.last["pid"]], started


def test_the_same_program_in_another_folder_is_another_service(worker: Worker) -> None:
    other = worker.home.folder / "other"
    other.mkdir()
    (other / "queue_worker.py").write_bytes(worker.script.read_bytes())
    with by_hand(worker, other) as stranger:
        started = worker.home.wd("start", "--service", "queue", "-o", "json")
        assert started.code == 0 and worker.copies() == [started.last["pid"]], started
        stopped = worker.home.wd("stop", "--service", "queue", "-o", "json")
        assert stopped.code == 0 and alive(stranger) and not worker.copies()


def test_the_right_program_with_a_title_is_never_called_a_wrong_one(worker: Worker) -> None:
    port = free_port()
    worker.argv.append(str(port))
    worker.playbook(f"port: {port}, cmdline: 'python queue_worker.py'")
    with by_hand(worker) as pid:
        told = worker.home.wd("why", "--service", "queue", "--within", "3s", "-o", "json")
        assert "wrong-program" not in [finding["cause"] for finding in told.last["findings"]], told
        ended = worker.home.wd("kill", "--service", "queue", "--dry-run", "-o", "json")
        assert ended.code == 0 and [one["pid"] for one in ended.last["plans"][0]["doomed"]] == [pid], ended


def test_a_server_on_another_port_than_the_playbook_says_is_named_and_not_left_behind(worker: Worker) -> None:
    said, real = free_port(), free_port()
    worker.argv.append(str(real))
    worker.playbook(f"port: {said}, cmdline: queue_worker.py")
    first = worker.home.wd("start", "--service", "queue", "--within", "4s", "-o", "json")
    (pid,) = worker.copies()
    assert first.code == 2 and str(real) in first.last["message"] and f"pid {pid}" in first.last["message"], first
    again = worker.home.wd("start", "--service", "queue", "-o", "json")
    assert again.code == 5 and f"port {real}" in again.last["why"] and worker.copies() == [pid], again
    ended = worker.home.wd("stop", "--service", "queue", "-o", "json")
    assert ended.code == 0 and not worker.copies(), ended


def test_the_runbook_for_a_dead_server_starts_no_second_worker_beside_a_living_one(worker: Worker) -> None:
    with by_hand(worker) as pid:
        done = worker.home.wd("run", "dead-server", "--service", "queue", "-o", "json")
        assert worker.copies() == [pid], done


def test_a_shim_that_the_loop_has_armed_early_starts_no_second_worker(worker: Worker) -> None:
    playbook = Playbook(
        "queue",
        Selector(cmdline=("queue_worker.py",)),
        start=Start(command=tuple(worker.argv), cwd=str(worker.cwd), ready=Ready(within=20.0)),
    )
    state = worker.home.folder / "logs"
    context = Context(
        Selector(service="queue"), print, lambda question: False, state / "incident", state, playbook, in_runbook=True
    )
    with by_hand(worker) as pid:
        context.found.arming = lambda: launch.arm(playbook.start, "queue", state)
        result = start(context, {})
        assert (result.outcome, result.data["outcome"], worker.copies()) == ("ok", "nothing", [pid])


def test_a_script_with_a_full_path_is_the_same_service_from_whatever_folder_it_was_started(worker: Worker) -> None:
    worker.argv[1] = str(worker.script)
    worker.playbook()
    with by_hand(worker, worker.home.folder) as pid:
        done = worker.home.wd("start", "--service", "queue", "-o", "json")
        assert (done.code, done.last["pid"], worker.copies()) == (0, pid, []), done
