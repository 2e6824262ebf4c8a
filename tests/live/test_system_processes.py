"""Processes as the kernel tells them: forged names, zombies, vanished and unreadable ones."""

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

from watchdog.model.errors import CannotTell
from watchdog.system.linux.reader import Question, Reader
from watchdog.system.process import processes

ROOT = str(Path(__file__).parents[2])


@contextlib.contextmanager
def talking(code: str, *argv: str) -> Iterator[subprocess.Popen[str]]:
    """A child that runs `code`, answers over pipes, and is ended."""
    child = subprocess.Popen(
        [sys.executable, "-c", code, *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        for pipe in (child.stdin, child.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        child.wait(10)


def line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def say(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def test_a_process_is_told_with_command_folder_program_and_rights() -> None:
    table = processes.table()
    me = processes.with_commands([table[os.getpid()]])[os.getpid()]
    assert me.cmdline and me.exe == os.path.realpath(sys.executable) and me.cwd == str(Path.cwd())
    assert me.uid == os.geteuid() and me.parent == os.getppid() and not me.kernel
    assert me.threads >= 1 and me.rss > 1_000_000
    assert processes.is_alive(me.identity)
    assert os.getppid() in processes.ancestors(table, os.getpid())
    assert abs(me.started - Path(f"/proc/{os.getpid()}").stat().st_ctime) < 5


def test_a_forged_short_name_changes_no_other_fact() -> None:
    code = """
import ctypes, random, sys
libc = ctypes.CDLL(None)
random.seed(7)
names = [b"x) R 1 1 (y", b")", b"a b) S 1", b"\\nUid: 0 0 0", b"", b"(", b"\\xff\\xfe", b"x)\\t9 9 9"]
print("ready", flush=True)
for _ in sys.stdin:
    name = names.pop(0) if names else bytes(random.choice(b") (RS0\\n\\t1x%\\\\") for _ in range(random.randint(1, 15)))
    libc.prctl(15, name, 0, 0, 0)
    print(name.hex(), flush=True)
"""
    with talking(code) as child:
        assert line(child) == "ready"
        first = processes.read(child.pid)
        assert first is not None
        for _ in range(400):
            say(child)
            name = os.fsdecode(bytes.fromhex(line(child)))
            seen = processes.read(child.pid)
            assert seen is not None
            facts = (seen.parent, seen.uid, seen.session, seen.identity, seen.tracer)
            assert facts == (os.getpid(), first.uid, child.pid, first.identity, 0), name
            assert seen.state in "RS"
            assert seen.name == name


def test_a_zombie_is_seen_and_does_not_live() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        seen = processes.read(child.pid)
        assert seen is not None and seen.state == "Z"
        assert not processes.is_alive(seen.identity)
        assert processes.with_commands([seen])[child.pid].cmdline in (None, ())
        assert child.pid in processes.table()


def test_a_process_lives_as_long_as_any_of_its_threads() -> None:
    code = """
import ctypes, threading, time
threading.Thread(target=lambda: (print("ready", flush=True), time.sleep(3600))).start()
ctypes.CDLL(None).syscall(60, 0)  # ends this thread alone
"""
    with talking(code) as child:
        assert line(child) == "ready"
        wait_for(lambda: not alive(child.pid), "the first thread has ended")
        seen = processes.read(child.pid)
        assert seen is not None and seen.state != "Z"
        assert processes.is_alive(seen.identity)


def test_what_is_gone_is_not_there_and_raises_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        seen = processes.read(child.pid)
        child.wait()
    assert seen is not None
    assert processes.read(child.pid) is None
    assert not processes.is_alive(seen.identity)
    assert processes.environment(child.pid) is None
    assert processes.thread_ids(child.pid) == ()
    assert processes.with_commands([seen])[seen.pid].cmdline is None


def test_signals_that_are_ignored_blocked_and_caught_are_told() -> None:
    code = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
print("ready", flush=True); sys.stdin.readline()
"""
    with talking(code) as child:
        line(child)
        seen = processes.read(child.pid)
        assert seen is not None
        assert signal.SIGTERM in seen.ignored
        assert signal.SIGUSR1 in seen.caught
        assert signal.SIGUSR2 in seen.blocked


def test_kernel_threads_are_told_apart() -> None:
    kernel = [one for one in processes.table().values() if one.kernel]
    if not kernel:
        pytest.skip("this container shows no kernel threads")
    assert all(one.cmdline == () for one in kernel)
    assert processes.with_commands(kernel[:3])[kernel[0].pid].cmdline == ()


def test_a_program_with_an_empty_name_is_read_as_it_is() -> None:
    code = """
import ctypes
words = [b"", b"-c", b"print('ready', flush=True); input()", None]
environment = (ctypes.c_char_p * 2)(b"A=b=c", None)
ctypes.CDLL(None).execve(%r, (ctypes.c_char_p * 4)(*words), environment)
"""
    with talking(code % os.fsencode(os.path.realpath(sys.executable))) as child:
        assert line(child) == "ready"
        seen = processes.read(child.pid)
        assert seen is not None
        read = processes.with_commands([seen])[child.pid]
        assert read.cmdline is not None and read.cmdline[:2] == ("", "-c")
        assert processes.environment(child.pid) == {"A": "b=c"}


STALLS = """
import sys, time
for line in iter(sys.stdin.buffer.readline, b""):
    pid = line.split()[0]
    while pid == b"%d":
        time.sleep(1)
    sys.stdout.buffer.write(b"2\\nok")
    sys.stdout.buffer.flush()
"""


def test_one_process_that_cannot_be_read_costs_only_itself() -> None:
    with contextlib.ExitStack() as stack:
        several = [stack.enter_context(talking("input()")) for _ in range(5)]
        seen = [processes.read(child.pid) for child in several]
        identities = [one.identity for one in seen if one is not None]
        reader = Reader(stall=0.2, child=STALLS % identities[2].pid)
        questions = [Question(identity, field) for identity in identities for field in ("exe", "cmdline")]
        answers = reader.ask(questions, within=20)
        assert {one.identity for one in answers} == set(identities) - {identities[2]}
        assert all(text == b"ok" for text in answers.values())
        # Asked again it is not waited for again: for a while it counts as unreadable.
        assert reader.ask([Question(identities[2], "exe")], within=20) == {}
        reader.close()


def test_a_reader_that_dies_or_cannot_be_started_leaves_things_unread() -> None:
    me = processes.read(os.getpid())
    assert me is not None
    dying = Reader(child="import sys; sys.stdin.buffer.readline(); sys.exit(1)")
    assert dying.ask([Question(me.identity, "exe")], within=5) == {}
    dying.close()


def test_short_of_descriptors_it_says_so_instead_of_seeing_nothing() -> None:
    code = """
import os, sys
sys.path.insert(0, sys.argv[1])
from watchdog.model.errors import CannotTell
from watchdog.system.net import ports
from watchdog.system.process import processes
import resource
processes.boot_id(); processes.table()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(os.dup(0))
except OSError:
    pass
for look in (processes.table, lambda: processes.read(os.getpid()), ports.listeners):
    try:
        print("saw", look())
    except CannotTell as error:
        print("told", error.why)
"""
    done = subprocess.run([sys.executable, "-c", code, ROOT], capture_output=True, text=True, timeout=60)
    assert done.stdout.count("told") == 3, done.stdout + done.stderr


@pytest.mark.root
def test_a_proc_of_another_namespace_is_refused() -> None:
    code = (
        f"import sys; sys.path.insert(0, {ROOT!r}); from watchdog.system.process import processes; processes.boot_id()"
    )
    done = subprocess.run(
        ["unshare", "--pid", "--fork", sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    if "unshare" in done.stderr:
        pytest.skip(f"no PID namespace here: {done.stderr.strip()}")
    assert CannotTell.__name__ in done.stderr


def test_a_pid_beyond_what_the_machine_gives_is_known() -> None:
    assert processes.pid_max() >= max(processes.table())
