"""The one way out for signals: the right process gets it, nobody else does, and a dry run sends none."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from support import alive, wait_for

from watchdog.model.errors import Failed, Refused
from watchdog.model.process import Identity
from watchdog.system import holds, signals
from watchdog.system.process import processes


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(["sleep", "600"])
    yield child
    child.kill()
    child.wait()


def test_a_held_process_gets_the_signal_and_its_end_is_seen(sleeper: subprocess.Popen[bytes]) -> None:
    held = holds.hold(sleeper.pid)
    assert held is not None and not held.gone
    assert holds.wait_gone([held], 0.05) == (held,)
    assert holds.send(held, signal.SIGTERM) == "sent"
    assert holds.wait_gone([held], 30) == ()
    assert held.gone  # though nobody has reaped it yet
    assert holds.send(held, signal.SIGKILL) == "gone"
    held.close()


@pytest.mark.parametrize("named", [0, -1, 1, 2, "ourselves"])
def test_processes_that_are_never_signalled_cannot_even_be_held(named: int | str) -> None:
    pid = named if isinstance(named, int) else os.getpid()
    found = processes.read(pid)
    if pid == 2 and not (found and found.kernel):
        pytest.skip("no kernel thread can be seen here")
    with pytest.raises(Refused):
        holds.hold(pid)


def test_a_process_that_is_gone_or_another_one_is_not_held(sleeper: subprocess.Popen[bytes]) -> None:
    other = Identity(processes.boot_id(), sleeper.pid, 1)
    assert holds.hold(sleeper.pid, other) is None
    sleeper.kill()
    sleeper.wait()
    assert holds.hold(sleeper.pid) is None


def test_the_number_of_a_thread_is_no_process() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, daemon=True)
    thread.start()
    try:
        assert thread.native_id is not None
        assert holds.hold(thread.native_id) is None
    finally:
        stop.set()


def test_without_a_free_descriptor_nothing_is_signalled(sleeper: subprocess.Popen[bytes]) -> None:
    processes.boot_id()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(Failed, match="nothing was signalled"):
            holds.hold(sleeper.pid)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert sleeper.poll() is None


def test_a_system_without_pidfds_is_told_and_goes_by_start_time_only_when_allowed(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    with pytest.raises(Refused, match="cannot be held fast"):
        holds.hold(sleeper.pid)
    held = holds.hold(sleeper.pid, allow_unsafe=True)
    assert held is not None and not held.gone
    assert holds.send(held, signal.SIGTERM) == "sent"
    assert holds.wait_gone([held], 30) == ()


def test_in_a_dry_run_no_signal_leaves(sleeper: subprocess.Popen[bytes]) -> None:
    held = holds.hold(sleeper.pid)
    assert held is not None
    with signals.rehearsal():
        assert holds.send(held, signal.SIGKILL) == "rehearsed"
        with signals.rehearsal(False):
            assert holds.send(held, signal.SIGKILL) == "rehearsed"
    assert holds.wait_gone([held], 0.2) == (held,)
    assert sleeper.poll() is None
    held.close()


def test_a_process_that_became_another_program_is_not_signalled() -> None:
    child = subprocess.Popen(["sh", "-c", "read line; exec sleep 600"], stdin=subprocess.PIPE)
    try:
        before = processes.read(child.pid)
        assert before is not None
        found = processes.with_commands([before])[child.pid]
        held = holds.hold(child.pid, found.identity)
        assert held is not None
        assert child.stdin is not None
        child.stdin.write(b"go\n")
        child.stdin.flush()
        wait_for(lambda: processes.with_commands([before])[child.pid].cmdline == ("sleep", "600"), "it runs sleep")
        assert holds.send(held, signal.SIGKILL, as_found=found) == "changed"
        assert alive(child.pid)
        held.close()
    finally:
        child.kill()
        child.wait()


@pytest.mark.root
def test_a_signal_that_is_not_allowed_is_said_to_be() -> None:
    child = subprocess.Popen(["sleep", "600"])
    code = (
        "import os\n"
        "from watchdog.system import holds\nfrom watchdog.system.process import processes\n"
        "processes.table()\n"  # loads all that nobody may not
        "os.setuid(65534)\n"
        f"print(holds.send(holds.hold({child.pid}), 9))"
    )
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/", timeout=60,
                              env={"PYTHONPATH": os.pathsep.join(sys.path)}, check=False)  # fmt: skip
        assert done.stdout.strip() == "denied", done.stderr
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_our_own_child_is_ended_with_its_group_and_reaped() -> None:
    code = "import subprocess,time; print(subprocess.Popen(['sleep','600']).pid, flush=True); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None
    grandchild = int(child.stdout.readline())
    assert signals.end_child(child)
    assert child.returncode == -signal.SIGKILL
    wait_for(lambda: not alive(grandchild), "the group is ended")
    child.stdout.close()
