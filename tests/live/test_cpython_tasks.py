"""Pending tasks of a live interpreter, read from its memory, against what the tasks say of themselves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from interpreters import NEEDS_RIGHT, interpreters, script
from strangers import NOBODY, RUNS_WD
from support import wait_for

from watchdog.cpython.look import look as in_memory
from watchdog.evidence.tasks import read_tasks
from watchdog.model.evidence import Task, TaskLook

pytestmark = NEEDS_RIGHT
EACH = pytest.mark.parametrize("python", interpreters().values(), ids=interpreters().keys())

# An asynchronous generator ends what a task can tell of itself; its memory tells more.
BEYOND = {"comprehension", "following", "throwing", "closing", "managed"}


def state(pid: int) -> str:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat[stat.rindex(")") + 2]


def looked(pid: int) -> tuple[TaskLook, dict[str, Task]]:
    look = read_tasks(pid, 0.0, 20.0)
    assert look.error is None
    return look, {task.name: task for task in look.tasks}


@EACH
def test_every_pending_task_is_listed_with_its_chain_and_a_finished_one_is_not(python: str) -> None:
    with script(python, "waiting_tasks.py") as (process, line):
        own = json.loads(line)
        look, tasks = looked(process.pid)
        assert "done" not in tasks
        assert look.broken_lists == 0
        for name, chain in own.items():
            found = [(frame.function.rpartition(".")[2], frame.line) for frame in tasks[name].frames]
            expected = [(function, number) for function, number in chain]
            # A task over an asynchronous generator says less of itself than its memory does.
            assert found[: len(expected)] == expected, name
            assert len(found) == len(expected) or name.startswith("walk"), name
        assert [frame.function for frame in tasks["walk-0"].frames] == ["walk", "numbers"]


@EACH
@pytest.mark.parametrize("loop", ["main", "thread", "uvloop"])
def test_dozens_of_tasks_in_every_kind_of_wait_have_the_chain_that_they_tell_of_themselves(
    python: str, loop: str
) -> None:
    if loop == "uvloop" and subprocess.run([python, "-c", "import uvloop"], capture_output=True).returncode:
        pytest.skip("uvloop is not installed for this Python")
    with script(python, "many_tasks.py", loop) as (process, line):
        own = json.loads(line)
        _, tasks = looked(process.pid)
        assert len(own) >= 45 and set(own) <= set(tasks)
        for name, chain in own.items():
            found = [[frame.function.rpartition(".")[2], frame.line] for frame in tasks[name].frames]
            assert found[: len(chain)] == chain, name
            assert len(found) == len(chain) or name in BEYOND, name


@EACH
def test_what_each_task_waits_for_is_told(python: str) -> None:
    with script(python, "waiting_tasks.py") as (process, _):
        _, tasks = looked(process.pid)
        assert tasks["never-1"].waits_for == "_asyncio.Future"
        assert tasks["after"].waits_for_task == tasks["never-1"].address
        assert tasks["together-4"].waits_for.endswith("_GatheringFuture")
        inner = {task.address for task in tasks.values() if task.name.startswith("Task-")}
        for name in ("together-4", "first_of_two-8", "group-9"):
            assert len(tasks[name].gathered) == 2 and set(tasks[name].gathered) <= inner, name


@EACH
def test_two_tasks_that_wait_for_each_others_lock_form_a_cycle(python: str) -> None:
    with script(python, "waiting_tasks.py") as (process, _):
        look, _ = looked(process.pid)
        held = {point.task: point for point in look.locks.held if point.kind == "asyncio.Lock"}
        wanted = {point.task: point for point in look.locks.wanted if point.kind == "asyncio.Lock"}
        assert set(held) == set(wanted) == {"both-6", "both-7"}
        assert held["both-6"].lock == wanted["both-7"].lock
        assert held["both-7"].lock == wanted["both-6"].lock
        assert (held["both-6"].expression, wanted["both-6"].expression) == ("first", "second")


@EACH
def test_queues_are_told_with_their_lengths(python: str) -> None:
    with script(python, "waiting_tasks.py") as (process, _):
        look, _ = looked(process.pid)
        assert set(look.queues) >= {("queue.Queue of 9", 7), ("_queue.SimpleQueue", 4), ("asyncio.queues.Queue", 0)}


@EACH
def test_a_stopped_process_can_be_read_and_stays_as_it_was(python: str) -> None:
    with script(python, "waiting_tasks.py") as (process, line):
        os.kill(process.pid, signal.SIGSTOP)
        wait_for(lambda: state(process.pid) == "T", "it is stopped")
        _, tasks = looked(process.pid)
        assert set(json.loads(line)) <= set(tasks)
        assert state(process.pid) == "T"


def test_a_running_process_is_never_stopped_by_many_looks() -> None:
    with script(sys.executable, "waiting_tasks.py") as (process, line):
        for _ in range(10):
            _, tasks = looked(process.pid)
            assert set(json.loads(line)) <= set(tasks)
            assert state(process.pid) in "RS"


@EACH
def test_a_task_that_blocks_the_loop_is_running_and_the_others_are_ready(python: str) -> None:
    with script(python, "blocked_loop.py") as (process, _):
        _, tasks = looked(process.pid)
        assert [frame.function for frame in tasks["guilty"].frames][:2] == ["outer", "inner"]
        assert tasks["guilty"].frames[-1].function == "block"
        assert tasks["guilty"].running
        assert tasks["victim"].ready and not tasks["victim"].running


def test_what_is_no_python_is_said_to_be_none() -> None:
    with script("/bin/sh", "no_python.sh") as (process, _):
        look = read_tasks(process.pid)
        assert look.error is not None and "no CPython" in look.error
        assert look.tasks == ()


def test_a_process_that_is_gone_is_said_to_be_gone() -> None:
    with script(sys.executable, "waiting_tasks.py") as (process, _):
        pid = process.pid
    look = read_tasks(pid)
    assert look.error is not None and "gone" in look.error


@pytest.mark.root
@RUNS_WD
def test_without_the_right_the_missing_right_is_named() -> None:
    with script(sys.executable, "waiting_tasks.py") as (process, _):
        child = os.fork()
        if child == 0:
            try:  # whatever happens, the child must not go on with the tests that follow
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                found = in_memory(process.pid, 0.0, 5.0)
                os._exit(0 if "no right" in (found.error or "") and "sudo wd" in found.remedy else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@EACH
def test_the_time_bounds_the_walk_and_a_cut_one_still_has_the_tasks(python: str) -> None:
    with script(python, "waiting_tasks.py") as (process, line):
        look = read_tasks(process.pid, 0.0, 0.0)
        assert look.cut
        assert look.error is None
        assert set(json.loads(line)) <= {task.name for task in look.tasks}


@EACH
def test_a_task_that_ended_with_an_exception_is_told_with_the_lines_that_it_came_through(python: str) -> None:
    with script(python, "failed_tasks.py") as (process, line):
        look, _ = looked(process.pid)
    (failed,) = look.failed
    assert failed.error == "json.decoder.JSONDecodeError"
    found = [[frame.function.rpartition(".")[2], frame.line] for frame in reversed(failed.frames)]
    assert found == json.loads(line)
