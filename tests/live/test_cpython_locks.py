"""Locks of live threads: who holds, who waits, in each of the forms in which Python code takes a lock."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from interpreters import NEEDS_RIGHT, interpreters, script
from support import SERVERS, end_session

from watchdog.evidence.locks import read_locks
from watchdog.evidence.stacks import dump
from watchdog.evidence.tasks import read_tasks
from watchdog.model.evidence import LockLook, LockPoint
from watchdog.system.process import processes

pytestmark = NEEDS_RIGHT
NEW = {name: path for name, path in interpreters().items() if "3.10" not in name}
EACH = pytest.mark.parametrize("python", NEW.values(), ids=NEW.keys())
PAIRS = ("global", "attribute", "item", "local", "closure", "managed", "condition")


def by_thread(points: tuple[LockPoint, ...]) -> dict[str, LockPoint]:
    return {point.thread: point for point in points}


def looked(pid: int) -> LockLook:
    tasks = read_tasks(pid, 0.0, 20.0)
    assert tasks.error is None
    return read_locks([], [tasks])


def assert_cycle(locks: LockLook, pair: str) -> None:
    held, wanted = by_thread(locks.held), by_thread(locks.wanted)
    one, two = f"{pair}-1", f"{pair}-2"
    assert wanted[one].lock == held[two].lock, pair
    assert wanted[two].lock == held[one].lock, pair


@EACH
def test_a_cycle_is_seen_whatever_form_the_code_has(python: str) -> None:
    with script(python, "locked_threads.py") as (process, _):
        locks = looked(process.pid)
        for pair in PAIRS:
            assert_cycle(locks, pair)


@EACH
def test_a_cycle_is_seen_though_the_source_was_deleted(python: str, tmp_path: Path) -> None:
    folder = tmp_path / "release"
    folder.mkdir()
    shutil.copy(SERVERS / "locked_threads.py", folder / "threads.py")
    with script(python, str(folder / "threads.py")) as (process, _):
        shutil.rmtree(folder)
        locks = looked(process.pid)
        for pair in PAIRS:
            assert_cycle(locks, pair)
        held, wanted = by_thread(locks.held), by_thread(locks.wanted)
        assert (held["global-1"].expression, wanted["global-1"].expression) == ("cash", "bank")
        assert (wanted["attribute-1"].expression, wanted["global-2"].expression) == ("mine.log", "cash")
        assert wanted["global-1"].section and not wanted["global-2"].section
        assert "sleeper" not in held, "whoever waits for a sign in no block holds nothing"


@EACH
def test_each_point_names_line_expression_and_kind(python: str) -> None:
    with script(python, "locked_threads.py") as (process, _):
        locks = looked(process.pid)
        held, wanted = by_thread(locks.held), by_thread(locks.wanted)
        assert (held["global-1"].expression, held["global-1"].kind) == ("cash", "Lock")
        assert (wanted["global-1"].expression, wanted["global-1"].kind) == ("bank", "RLock")
        assert wanted["global-1"].frame.function == "global_with"
        assert (held["global-2"].expression, wanted["global-2"].expression) == ("bank", "cash")
        assert held["global-2"].frame.line < wanted["global-2"].frame.line
        assert (wanted["attribute-1"].expression, wanted["attribute-1"].frame.function) == ("mine.log", "nested")
        assert held["attribute-1"].frame.function == "attribute_with"
        assert wanted["condition-2"].expression == "account.changed"
        assert wanted["condition-2"].frame.function == "condition_second"
        assert held["global-1"].tid is not None and held["global-1"].locked


@EACH
def test_waiting_for_a_sign_is_told_apart_from_waiting_for_a_lock(python: str) -> None:
    with script(python, "locked_threads.py") as (process, _):
        locks = looked(process.pid)
        held, wanted = by_thread(locks.held), by_thread(locks.wanted)
        kinds = {name: wanted[name].kind for name in ("waiter", "taker", "sleeper", "joiner")}
        assert kinds == {"waiter": "Condition", "taker": "Queue", "sleeper": "Event", "joiner": "Thread"}
        assert "waiter" not in held, "whoever waits on a condition has let go of its lock"
        assert wanted["taker"].frame.function == "taker"


@EACH
def test_a_thread_that_joins_another_which_wants_its_lock_closes_a_cycle(python: str) -> None:
    with script(python, "locked_threads.py") as (process, _):
        locks = looked(process.pid)
        held, wanted = by_thread(locks.held), by_thread(locks.wanted)
        assert wanted["joined"].lock == held["joiner"].lock
        assert wanted["joiner"].lock == held["joined"].lock
        assert wanted["joiner"].expression == "joined"


@EACH
def test_a_lock_that_its_own_thread_takes_twice_is_held_and_wanted_by_it(python: str) -> None:
    with script(python, "locked_threads.py") as (process, _):
        locks = looked(process.pid)
        assert by_thread(locks.held)["twice"].lock == by_thread(locks.wanted)["twice"].lock


@EACH
def test_an_rlock_names_its_owner(python: str) -> None:
    with script(python, "locked_threads.py") as (process, _):
        stacks = dump(process.pid, timeout=10.0)
        owner = by_thread(looked(process.pid).wanted)["global-1"].owner
        assert owner in {thread.ident for thread in stacks.threads if thread.name == "global-2"}


def test_without_the_interpreters_inside_stacks_and_source_still_tell_the_plain_forms() -> None:
    with script(sys.executable, "locked_threads.py") as (process, _):
        stacks = dump(process.pid, with_locals=True, timeout=10.0)
        assert stacks.error is None
        locks = read_locks([stacks], [])
        for pair in ("global", "attribute", "local", "condition"):
            assert_cycle(locks, pair)
        held, wanted = by_thread(locks.held), by_thread(locks.wanted)
        assert (held["local-1"].kind, wanted["local-1"].kind) == ("Lock", "Lock")
        assert not {"waiter", "taker", "sleeper", "joiner"} & set(wanted)


def test_names_of_threads_come_from_the_stacks_where_memory_has_none() -> None:
    with script(sys.executable, "locked_threads.py") as (process, _):
        tasks = read_tasks(process.pid, 0.0, 20.0)
        nameless = tuple(dataclasses.replace(point, thread="") for point in tasks.locks.held)
        bare = dataclasses.replace(tasks, locks=LockLook(nameless))
        assert "global-1" in by_thread(read_locks([dump(process.pid, timeout=10.0)], [bare]).held)


def test_a_lock_held_across_a_fork_is_wanted_locked_and_held_by_nobody_in_the_child() -> None:
    with script(sys.executable, "forked_lock.py") as (_, line):
        child = looked(int(line))
        assert [(point.expression, point.locked) for point in child.wanted] == [("stats_lock", True)]
        assert child.held == ()
        assert child.wanted[0].tid == int(line), "the only thread of a forked child is its main one"


def test_an_import_that_waits_for_itself_is_a_cycle_of_module_and_thread() -> None:
    with script(sys.executable, "import_circle.py") as (process, _):
        locks = looked(process.pid)
        module = next(point for point in locks.wanted if point.kind == "module")
        holder = next(point for point in locks.held if point.lock == module.lock)
        assert (module.expression, module.frame.function) == ("slow_module", "check")
        assert holder.frame.function == "load"


def test_a_thread_lock_kept_by_a_suspended_task_is_held_by_that_task() -> None:
    with script(sys.executable, "lock_over_await.py") as (process, _):
        locks = looked(process.pid)
        held = next(point for point in locks.held if point.kind == "Lock")
        assert (held.task, held.expression) == ("keeper", "guard")
        assert any(point.lock == held.lock for point in locks.wanted if point.thread == "MainThread")


@pytest.mark.root
def test_threads_in_a_container_are_named_by_our_numbers() -> None:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare is not installed")
    with subprocess.Popen(
        [unshare, "-f", "-p", "--mount-proc", sys.executable, str(SERVERS / "locked_threads.py")],
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as outer:
        try:
            assert outer.stdout is not None
            if outer.stdout.readline() != b"ready\n":
                pytest.skip("no namespaces may be made here")
            (pid,) = processes.descendants(processes.table(), outer.pid)
            locks = looked(pid)
            for pair in PAIRS:
                assert_cycle(locks, pair)
            assert {point.tid for point in (*locks.held, *locks.wanted)} <= set(processes.thread_ids(pid))
        finally:
            end_session(outer)


BORROWED = """
import threading, time
class Ticket:
    wait = threading.Condition.wait
    def __init__(self): self.inner = threading.Condition()
    def __getattr__(self, name): return getattr(self.inner, name)
def waits(ticket):
    with ticket.inner:
        print("ready", flush=True)
        ticket.wait()
threading.Thread(target=waits, args=[Ticket()]).start()
"""


@EACH
def test_the_lock_by_which_a_condition_waits_is_nobodys_whoever_waits_by_it(python: str, tmp_path: Path) -> None:
    """It takes that lock twice. Who believes the source alone sees a thread that waits for itself."""
    (tmp_path / "borrowed.py").write_text(BORROWED)
    with script(python, str(tmp_path / "borrowed.py")) as (process, _):
        locks = looked(process.pid)
        assert "waiter" not in {point.expression for point in (*locks.held, *locks.wanted)}, locks
