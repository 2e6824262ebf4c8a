"""How long a server that was asked to end is waited for: as long as it may still end, and no longer."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import running, wait_for

from watchdog.killing.ladder import execute
from watchdog.killing.plan import make_plan
from watchdog.model.finding import Culprit
from watchdog.model.killing import KillResult
from watchdog.model.selector import Selector
from watchdog.policy import guards
from watchdog.system.process import processes
from watchdog.targets.resolve import resolve

# What follows SIGTERM in a server that finishes its request, in the ways in which servers do.
DRAINS = {
    "a thread is waited for": "asked.wait(); worker = threading.Thread(target=finish); worker.start(); worker.join()",
    "the handler itself": "asked.wait()",
    "it computes": "asked.wait(); compute()",
}
SERVER = """
import pathlib, re, signal, socket, sys, threading, time
how, seconds, done = sys.argv[2], float(sys.argv[3]), pathlib.Path(sys.argv[4])
asked = threading.Event()

def finish():
    time.sleep(seconds)
    done.write_text("finished")

def compute():
    end = time.monotonic() + seconds
    while True:
        if time.monotonic() > end:
            break
    done.write_text("finished")

def told(*_):
    if how == "the handler itself":
        finish()
    asked.set()

def spin():
    number = 0
    while True:
        number += 1

def match():
    re.match("(a+)+$", "a" * 60 + "!")

signal.signal(signal.SIGTERM, told)
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
"""


def kill(port: int, guilty: str = "", file: str = "", thread: str | None = None) -> KillResult:
    """As the loop does with a server that answers nobody; `guilty`: the function that the diagnosis has named."""
    (tree,) = resolve(Selector(port=port))
    table = processes.table()
    culprit = Culprit(file, 1, guilty, pid=tree.root.pid, thread=thread) if guilty else None
    us = guards.ourselves(table)
    plan = make_plan(tree, reason="hung", us=us, table=table, grace=90.0, hung=True, guilty=culprit)
    return execute(plan, lambda text: None)


@pytest.mark.parametrize("seconds", [1, 3, 4.9])
@pytest.mark.parametrize("how", list(DRAINS))
def test_a_server_that_finishes_a_request_after_sigterm_is_never_cut_off(
    folder: Path, how: str, seconds: float
) -> None:
    script, done = folder / "server.py", folder / "done"
    script.write_text(SERVER + DRAINS[how])
    with running(str(script), "{port}", how, str(seconds), str(done)) as server:
        result = kill(server.port, "spin", str(script))
    assert [one.signal for one in result.killed] == ["TERM"]
    assert done.read_text() == "finished"


def test_a_main_thread_in_a_loop_without_an_end_gets_no_full_grace(folder: Path) -> None:
    """Its handler runs at once, and sets a flag for an event loop that takes no more turns."""
    script = folder / "server.py"
    script.write_text(SERVER + "spin()")
    with running(str(script), "{port}", "flag", "0", str(folder / "done")) as server:
        wait_for(lambda: processes.thin_table([server.pid]).rows[server.pid].cpu_seconds > 0.2, "it computes")
        result = kill(server.port, "spin", str(script))
    assert [one.signal for one in result.killed] == ["KILL"]
    assert result.seconds < 60


@pytest.mark.parametrize(
    ("calls", "thread"),
    [
        ("match()", "MainThread"),
        ("threading.Thread(target=match, name='pool_0').start(); asked.wait(); listening.close()", "pool_0"),
    ],
)
def test_a_pattern_without_an_end_gets_no_full_grace_in_whichever_thread_it_is(
    folder: Path, calls: str, thread: str
) -> None:
    """A handler that sets a flag ends no match; and a main thread that never gets the lock runs no handler."""
    script = folder / "server.py"
    script.write_text(SERVER + calls)
    with running(str(script), "{port}", "flag", "0", str(folder / "done")) as server:
        wait_for(lambda: processes.thin_table([server.pid]).rows[server.pid].cpu_seconds > 0.2, "it computes")
        result = kill(server.port, "match", str(script), thread)
    assert [one.signal for one in result.killed] == ["KILL"]
    assert result.seconds < 60


def test_a_loop_that_was_left_since_is_no_reason_to_end_the_grace(folder: Path) -> None:
    """The diagnosis was right a moment ago, and the server has gone on."""
    script, done = folder / "server.py", folder / "done"
    script.write_text(SERVER + "asked.wait(); compute()")
    with running(str(script), "{port}", "flag", "2", str(done)) as server:
        result = kill(server.port, "spin", str(script))
    assert [one.signal for one in result.killed] == ["TERM"]
    assert done.read_text() == "finished"
