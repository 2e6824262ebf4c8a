"""Suspended greenlets of a live process, read from its memory, against what they say of themselves."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path

import pytest
from interpreters import NEEDS_RIGHT, interpreters, script

from watchdog.diagnosis.locking import Graph
from watchdog.evidence.tasks import read_tasks

pytestmark = NEEDS_RIGHT


@cache
def pythons() -> tuple[str, ...]:
    """Those that have gevent. An environment of its own is another one here, though its program is the same."""
    named = [path for path in os.environ.get("WD_TEST_PYTHONS", "").split(os.pathsep) if path and Path(path).exists()]
    every = dict.fromkeys([*named, *interpreters().values()])
    return tuple(
        one for one in every if not subprocess.run([one, "-c", "import gevent"], capture_output=True).returncode
    )


EACH = pytest.mark.parametrize(
    "python", pythons() or [pytest.param("", marks=pytest.mark.skip("no Python has gevent"))]
)


def calls(pid: int) -> dict[str, list[list[object]]]:
    """By the outermost function, the calls from there in. The package's own calls are left out."""
    look = read_tasks(pid, 0.0, 20.0)
    assert (look.error, look.strange) == (None, 0)
    assert all(task.greenlet for task in look.tasks)
    own = (
        [
            [one.function.rpartition(".")[2], one.line]
            for one in task.frames
            if one.file.endswith("waiting_greenlets.py")
        ]
        for task in look.tasks
    )
    return {str(found[0][0]): found for found in own if found and found[0][0] != "<module>"}


@EACH
def test_every_suspended_greenlet_stands_where_it_says_and_one_that_has_ended_or_not_begun_is_not_there(
    python: str,
) -> None:
    with script(python, "waiting_greenlets.py", "told") as (process, line):
        own = json.loads(line)
        found = calls(process.pid)
    assert set(found) == set(own)
    for name, chain in own.items():
        told = [one for one in chain if one[0] in {call[0] for call in found[name]}]
        assert found[name] == told, name
    assert len(found["deep"]) == 61
    with script(python, "waiting_greenlets.py") as (process, _):
        assert calls(process.pid) == found  # whom nobody has asked is read as well


@EACH
def test_the_main_greenlet_is_read_too(python: str) -> None:
    with script(python, "waiting_greenlets.py") as (process, _):
        tasks = read_tasks(process.pid, 0.0, 20.0).tasks
    assert any([frame.function for frame in task.frames[:2]] == ["<module>", "main"] for task in tasks)


@EACH
@pytest.mark.parametrize("kind", ["lock", "bounded", "semaphore", "rlock"])
def test_greenlets_that_wait_for_each_others_locks_are_a_circle(python: str, kind: str) -> None:
    with script(python, "locked_greenlets.py", kind) as (process, line):
        lines = json.loads(line)
        locks = read_tasks(process.pid, 0.0, 20.0).locks
    circle = Graph((locks,)).cycle()
    assert [(held.frame.line, wanted.frame.line) for held, wanted in circle] == [(lines["held"], lines["wanted"])] * 2
    assert sorted(point.frame.line for point in locks.wanted) == [lines["wanted"]] * 2 + [lines["behind"]]
