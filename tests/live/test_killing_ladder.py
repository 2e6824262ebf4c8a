"""Real servers that do not want to end: the whole tree goes, and nobody else."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import SERVERS, Server, alive, connects, free_port, running, wait_for

from watchdog.killing.family import ServerFamily
from watchdog.killing.ladder import Times, execute
from watchdog.killing.plan import make_plan, make_worker_plan
from watchdog.model.killing import KillPlan, KillResult
from watchdog.model.selector import Selector
from watchdog.policy import guards
from watchdog.system.net import ports
from watchdog.system.process import processes
from watchdog.targets.resolve import resolve

FAMILY = str(SERVERS / "family.py")
HYDRAS = int(os.environ.get("WD_HYDRAS", "5"))


def plan_for(port: int, **options: object) -> KillPlan:
    (tree,) = resolve(Selector(port=port))
    table = processes.table()
    return make_plan(tree, reason=f"port {port}", us=guards.ourselves(table), table=table, **options)  # type: ignore[arg-type]


def kill(port: int, **options: object) -> KillResult:
    return execute(plan_for(port, **options), lambda text: None)


def started(log: Path) -> list[int]:
    """Every pid that the server says it has started."""
    return [int(word) for word in log.read_text().split() if word.isdigit()]


@pytest.fixture
def canary() -> Iterator[subprocess.Popen[bytes]]:
    """Another program beside the server, in the session of the test itself."""
    child = subprocess.Popen(["sleep", "600"])
    yield child
    assert child.poll() is None, "somebody else was ended"
    child.kill()
    child.wait()


@pytest.fixture
def family(folder: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(FAMILY, "{port}", request.param, log=folder / "log", listening=False) as server:
        wait_for(lambda: ports.listeners(server.port), "it listens")
        yield server
        for pid in started(server.log):
            if alive(pid):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("family", ["exits"], indirect=True)
def test_a_server_that_obeys_ends_at_once_and_its_port_is_free(family: Server, canary: object) -> None:
    result = kill(family.port, grace=30.0)
    assert result.outcome == "done", result.message
    assert [(one.pid, one.signal) for one in result.killed] == [(family.pid, "TERM")]
    assert result.ports == ((family.port, True),) and result.survivors == ()
    assert result.seconds < 20  # it did not wait for the grace to pass


@pytest.mark.parametrize("family", ["ignore", "block"], indirect=True)
def test_a_server_that_does_not_take_sigterm_gets_no_full_grace(family: Server, canary: object) -> None:
    result = kill(family.port, grace=60.0)
    assert result.outcome == "done", result.message
    assert [(one.pid, one.signal) for one in result.killed] == [(family.pid, "KILL")]
    assert result.seconds < 30


@pytest.mark.parametrize("family", ["slow"], indirect=True)
def test_a_server_that_needs_its_time_to_end_gets_it(family: Server, canary: object) -> None:
    result = kill(family.port, grace=60.0)
    assert [(one.pid, one.signal) for one in result.killed] == [(family.pid, "TERM")], result.message


@pytest.mark.parametrize("family", ["slow"], indirect=True)
def test_force_does_not_ask(family: Server, canary: object) -> None:
    result = kill(family.port, force=True)
    assert [(one.pid, one.signal) for one in result.killed] == [(family.pid, "KILL")], result.message


@pytest.mark.parametrize("family", ["exits"], indirect=True)
def test_a_stopped_server_takes_sigterm_before_it_runs_on(family: Server, canary: object) -> None:
    os.kill(family.pid, signal.SIGSTOP)
    wait_for(lambda: (one := processes.read(family.pid)) and one.state == "T", "it is stopped")
    plan = plan_for(family.port, grace=60.0)
    assert "SIGCONT" in plan.doomed[0].note
    result = execute(plan, lambda text: None)
    assert [(one.pid, one.signal) for one in result.killed] == [(family.pid, "TERM")], result.message


@pytest.mark.parametrize("family", ["escapes"], indirect=True)
def test_children_in_other_sessions_and_orphans_end_too(family: Server, canary: object) -> None:
    wait_for(lambda: len(started(family.log)) == 4, "all of it has started")
    result = kill(family.port, grace=1.0)
    assert result.outcome == "done", result.message
    assert not [pid for pid in started(family.log) if alive(pid)]
    assert {one.pid for one in result.killed} == set(started(family.log))


@pytest.mark.parametrize("family", ["term-forks"], indirect=True)
def test_a_child_that_appears_because_of_sigterm_is_taken_too(family: Server, canary: object) -> None:
    result = kill(family.port, grace=1.0)
    assert result.outcome == "done", result.message
    wait_for(lambda: len(started(family.log)) >= 2, "it forked")
    assert not [pid for pid in started(family.log) if alive(pid)]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("round", range(HYDRAS))
def test_nothing_of_a_tree_survives_that_forks_faster_than_it_is_killed(
    folder: Path, canary: object, round: int, force: bool
) -> None:
    with running(FAMILY, "{port}", "hydra", log=folder / "log", listening=False) as server:
        wait_for(lambda: len(started(server.log)) > 10, "it has forked")
        result = kill(server.port, grace=0.2, force=force)
        time.sleep(0.2)  # a survivor would have forked by now
        left = [pid for pid in started(server.log) if alive(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left and result.outcome == "done", result.message


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the bomb runs as a user of its own")
@pytest.mark.parametrize("force", [False, True])
def test_a_fork_bomb_is_ended(folder: Path, canary: object, force: bool) -> None:
    """All of it forks without a pause, and takes at once what becomes free: only what was stopped first stays away."""
    with running(FAMILY, "{port}", "bomb", log=folder / "log", listening=False) as server:
        try:
            wait_for(lambda: len(_of_the_bomber()) > 20, "it has filled what it may have")
            result = kill(server.port, grace=0.2, force=force)
            assert result.outcome == "done", result.message
            assert not _of_the_bomber()
        finally:
            wait_for(_is_defused, "the rest of it has ended")


def _is_defused() -> bool:
    """Stopped first, as wd does it: killed one by one it would come again."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in _of_the_bomber():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
    return not _of_the_bomber()


def _of_the_bomber() -> list[int]:
    return [pid for pid, one in processes.table().items() if one.uid == 54321 and not one.ended]


@pytest.mark.parametrize("held", ["by each in turn", "apart"])
@pytest.mark.parametrize("style", ["fork", "setsid", "twice"])
@pytest.mark.parametrize("seconds", ["0.001", "0.01"])
def test_a_server_whose_processes_live_for_a_moment_is_found_and_ended(
    canary: object, style: str, seconds: str, held: str
) -> None:
    words = ("apart",) if held == "apart" else ()
    with running(str(SERVERS / "chains.py"), "{port}", style, seconds, *words, listening=False) as server:
        wait_for(lambda: connects(server.port), "it listens")
        result = kill(server.port, force=True)
        assert result.outcome == "done", result.message
        assert not _chained(server.port)


def _chained(port: int) -> list[int]:
    """Who runs for that port at any of some moments."""
    found: set[int] = set()
    for _ in range(10):
        for pid, one in processes.with_commands(processes.table().values()).items():
            if one.state not in "ZX" and str(port) in one.words:
                found.add(pid)
    return sorted(found)


@pytest.mark.parametrize("family", ["inherits"], indirect=True)
def test_a_child_whose_parent_is_dead_is_found_by_the_socket_it_holds(family: Server, canary: object) -> None:
    wait_for(lambda: len(started(family.log)) == 2 and family.process.poll() is not None, "only the child is left")
    result = kill(family.port)
    assert result.outcome == "done", result.message
    assert [one.pid for one in result.killed] == started(family.log)[1:]
    assert not connects(family.port)


@pytest.mark.parametrize("family", ["big"], indirect=True)
def test_the_port_of_a_big_server_is_waited_for(family: Server, canary: object) -> None:
    wait_for(lambda: "full" in family.log.read_text(), "its memory is full", 60)
    result = kill(family.port, force=True)
    assert result.outcome == "done", result.message
    assert ports.can_bind(family.port)


@pytest.mark.parametrize("family", ["exits"], indirect=True)
def test_a_client_of_the_port_is_not_killed(family: Server) -> None:
    code = (
        f"import socket, time; s = socket.create_connection(('127.0.0.1', {family.port}))\n"
        "print(1, flush=True); time.sleep(600)"
    )
    client = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert client.stdout is not None and client.stdout.readline()
        assert kill(family.port).outcome == "done"
        assert client.poll() is None
    finally:
        client.kill()
        client.wait()
        client.stdout.close()  # type: ignore[union-attr]


@pytest.mark.parametrize("family", ["exits"], indirect=True)
def test_a_server_that_ended_between_plan_and_kill_is_no_failure(family: Server, canary: object) -> None:
    plan = plan_for(family.port)
    family.process.kill()
    family.process.wait()
    result = execute(plan, lambda text: None)
    assert result.outcome == "done" and result.killed[0].signal == ""


def test_a_child_whose_parent_ended_after_the_plan_ends_though_nobody_reaps_that_parent(folder: Path) -> None:
    pids, port = folder / "pids", free_port()
    code = (
        "import pathlib, runpy, subprocess, sys\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"pathlib.Path({str(pids)!r}).write_text(str(child.pid))\n"
        f"runpy.run_path({str(SERVERS / 'plain.py')!r}, run_name='__main__')\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(port)], start_new_session=True)
    try:
        wait_for(lambda: ports.listeners(port), "it listens")
        child = int(pids.read_text())
        plan = plan_for(port)
        parent.kill()
        wait_for(lambda: not alive(parent.pid), "the parent is a zombie")
        assert processes.read(parent.pid) is not None
        result = execute(plan, lambda text: None)
        assert result.outcome == "done", result.message
        assert not alive(child)
    finally:
        parent.kill()
        parent.wait(10)
        for pid in started(pids):
            if alive(pid):
                os.kill(pid, signal.SIGKILL)


def test_a_server_that_became_another_program_since_it_was_found_is_left_alone() -> None:
    port = free_port()
    code = (
        "import os, socket, sys; s = socket.socket(); s.bind(('127.0.0.1', int(sys.argv[1]))); s.listen()\n"
        "os.set_inheritable(s.fileno(), True); sys.stdin.readline(); os.execvp('sleep', ['sleep', '600'])"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(port)], stdin=subprocess.PIPE, start_new_session=True)
    try:
        wait_for(lambda: ports.listeners(port), "it listens")
        plan = plan_for(port)
        assert child.stdin is not None
        child.stdin.write(b"go\n")
        child.stdin.flush()
        wait_for(lambda: (one := processes.read(child.pid)) and one.name == "sleep", "it has become another program")
        result = execute(plan, lambda text: None)
        assert result.outcome == "refused" and "another program" in result.message
        assert alive(child.pid)
    finally:
        child.kill()
        child.wait()


def test_a_zombie_is_told_for_what_it_is(folder: Path) -> None:
    child = subprocess.Popen(["true"], start_new_session=True)
    wait_for(lambda: not alive(child.pid), "it has ended")
    (tree,) = resolve(Selector(pid=child.pid))
    table = processes.table()
    plan = make_plan(tree, reason="pid", us=guards.ourselves(table), table=table)
    result = execute(plan, lambda text: None)
    assert result.outcome == "done"
    assert f"pid {os.getpid()}" in result.killed[0].note and "zombie" in result.killed[0].note
    child.wait()


@pytest.mark.parametrize("family", ["exits"], indirect=True)
def test_a_traced_server_is_refused_with_its_tracers_name_and_ended_by_force(family: Server, canary: object) -> None:
    code = (
        "import ctypes, sys, time; libc = ctypes.CDLL(None)\n"
        f"assert libc.ptrace(0x4206, {family.pid}, 0, 0) == 0\n"  # PTRACE_SEIZE: held, and not stopped
        "print(1, flush=True); time.sleep(600)"
    )
    tracer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert tracer.stdout is not None
        if not tracer.stdout.readline():
            pytest.skip("tracing is not allowed here")
        refused = kill(family.port)
        assert refused.outcome == "refused" and f"pid {tracer.pid}" in refused.message
        assert alive(family.pid)
        forced = kill(family.port, force=True)
        assert [one.signal for one in forced.killed] == ["KILL"] or forced.survivors
        tracer.kill()
        tracer.wait()
        wait_for(lambda: not alive(family.pid), "it is gone once its tracer is")
    finally:
        tracer.kill()
        tracer.wait()


@pytest.mark.parametrize("family", ["exits"], indirect=True)
def test_a_port_that_stays_held_by_another_is_a_failure_that_names_it(family: Server) -> None:
    """The very socket was handed to a process that must not be ended: us."""
    plan = plan_for(family.port)
    family.process.kill()
    family.process.wait()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", family.port))
        other.listen()

        result = execute(plan, lambda text: None, Times(ports=0.3))
    assert result.outcome == "failed"
    assert f"port {family.port} is held by pid {os.getpid()}" in result.message
    assert result.ports == ((family.port, False),)


def test_one_worker_is_ended_and_its_master_replaces_it() -> None:
    code = (
        "import os, socket, sys, time\n"
        "s = socket.socket(); s.bind(('127.0.0.1', int(sys.argv[1]))); s.listen()\n"
        "def worker():\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(600)\n"
        "worker(); worker()\n"
        "while True:\n"
        "    os.wait(); worker()\n"
    )
    with running("-c", code, "{port}") as server:
        wait_for(lambda: len(resolve(Selector(port=server.port))[0].members) == 3, "both workers are there")
        (tree,) = resolve(Selector(port=server.port))
        victim = tree.members[1].process.pid
        table = processes.table()
        plan = make_worker_plan(tree, victim, reason="", us=guards.ourselves(table), table=table, grace=1.0)
        result = execute(plan, lambda text: None)
        assert result.outcome == "done" and [one.pid for one in result.killed] == [victim]
        wait_for(lambda: len(resolve(Selector(port=server.port))[0].members) == 3, "the master has replaced it")
        now = set(resolve(Selector(port=server.port))[0].pids)
        assert server.pid in now and victim not in now and set(tree.pids) - {victim} <= now


def test_nobody_stays_stopped_when_wd_dies_between_freeze_and_kill() -> None:
    victim = subprocess.Popen(["sleep", "600"])
    code = (
        "import os, sys\n"
        "from watchdog.system import holds\nfrom watchdog.system.freeze import Freezer\n"
        f"held = holds.hold({victim.pid}); freezer = Freezer()\n"
        "assert freezer.armed(30) and freezer.stop(held) == 'sent'\n"
        "os.kill(os.getpid(), 9)\n"
    )
    try:
        env = {"PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, "-c", code], env=env, timeout=60, check=False)
        assert done.returncode == -signal.SIGKILL
        wait_for(lambda: victim.poll() is not None, "what was stopped is ended")
        assert victim.returncode == -signal.SIGKILL
    finally:
        victim.kill()
        victim.wait()


def test_what_hangs_without_stirring_gets_no_full_grace_and_what_works_does(folder: Path) -> None:
    """A handler that only sets a flag for a loop that never comes round again: uvicorn with a blocked loop."""
    code = (
        "import os, signal, socket, sys, time\n"
        "s = socket.socket(); s.bind(('127.0.0.1', int(sys.argv[1]))); s.listen()\n"
        "signal.signal(signal.SIGTERM, lambda *_: None)\n"
        "time.sleep(600)\n"
    )
    with running("-c", code, "{port}") as server:
        result = kill(server.port, grace=60.0, hung=True)
        assert [one.signal for one in result.killed] == ["KILL"]
        assert result.seconds < 30


@pytest.mark.parametrize("family", ["escapes"], indirect=True)
def test_nobody_stays_stopped_when_ctrl_c_falls_between_freeze_and_kill(family: Server, canary: object) -> None:
    wait_for(lambda: len(started(family.log)) == 4, "all of it has started")

    def interrupted(text: str) -> None:
        if text.startswith("SIGKILL"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(plan_for(family.port, force=True), interrupted)
    wait_for(lambda: not [pid for pid in started(family.log) if alive(pid)], "what was stopped is ended")


def cgroup_root() -> Path | None:
    """Where control groups of version 2 are mounted whole."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        if right.startswith("cgroup2 ") and left.split()[3] == "/":
            return Path(left.split()[4])
    return None


@pytest.mark.root
@pytest.mark.parametrize("family", ["escapes"], indirect=True)
def test_a_control_group_of_its_own_is_ended_at_once_and_a_shared_one_is_not(family: Server, canary: object) -> None:
    root = cgroup_root()
    if root is None or not os.access(root, os.W_OK):
        pytest.skip("no control group may be made here")
    wait_for(lambda: len(started(family.log)) == 4, "all of it has started")
    group = root / f"wd-test-{os.getpid()}"
    group.mkdir()
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        if not (group / "cgroup.kill").exists():
            pytest.skip("this kernel has no cgroup.kill")
        for pid in [*started(family.log), stranger.pid]:
            (group / "cgroup.procs").write_text(str(pid))
        found = ServerFamily(plan_for(family.port).tree, guards.ourselves(processes.table()))
        assert found.group is None  # a stranger lives in it
        (root / "cgroup.procs").write_text(str(stranger.pid))
        found = ServerFamily(plan_for(family.port).tree, guards.ourselves(processes.table()))
        assert found.group == group
        result = kill(family.port, force=True)
        assert result.outcome == "done", result.message
        assert not [pid for pid in started(family.log) if alive(pid)]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
        wait_for(lambda: not (group / "cgroup.procs").read_text(), "it is empty")
        group.rmdir()
