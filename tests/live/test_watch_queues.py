"""A queue worker under the loop: whoever dies or never ends a job is replaced, once."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from queues import Queue, needs_redis, queue
from support import alive, wait_for
from watching import Home, home_in

pytestmark = needs_redis

STUCK = "import pathlib, sys; sys.exit(2 if pathlib.Path(sys.argv[1]).exists() else 0)"


@pytest.fixture(params=["celery", "rq"])
def worker(request: pytest.FixtureRequest, folder: Path) -> Iterator[Queue]:
    with home_in(folder) as room, queue(room, request.param) as made:
        sign = str(made.folder / "stuck")  # not from within the folder, where only the worker's processes are counted
        probe = {"command": [sys.executable, "-c", STUCK, sign], "every": "1s", "fails": 2}
        triggers = [{"on": "age", "run": "frozen-server"}, {"on": "death", "run": "dead-server"}]
        made.playbook(
            f"probes: {json.dumps({'age': probe})}\ntriggers: {json.dumps(triggers)}\n"
            "policy: {mode: act, grace: 2s}\n"
        )
        try:
            yield made
        finally:
            room.end_loops()


def watched(worker: Queue) -> Home:
    assert isinstance(worker.home, Home)
    worker.home.watch().hears("watching")
    return worker.home


def test_a_worker_that_is_killed_is_started_again_once(worker: Queue) -> None:
    started = worker.home.wd("start", "--service", "queue", "-o", "json")
    first = started.last["pid"]
    worker.works()
    watched(worker)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not alive(first), "the worker is gone")
    worker.works()
    assert len(worker.roots()) == 1 and worker.roots() != [first]


def test_a_worker_with_a_job_that_never_ends_is_cured_with_its_line_in_the_ledger(worker: Queue) -> None:
    started = worker.home.wd("start", "--service", "queue", "-o", "json")
    first = started.last["pid"]
    worker.works()
    home = watched(worker)
    worker.hang()
    (worker.folder / "stuck").touch()
    wait_for(lambda: not alive(first), "the stuck worker is ended", 90)
    (worker.folder / "stuck").unlink()
    worker.works()
    wait_for(lambda: cured(home), "the run is at its end", 60)
    assert "jobs.py" in home.wd("incidents", "show", cured(home)).out
    assert len(worker.roots()) == 1


def cured(home: Home) -> str:
    """The incident that is at its good end; empty if there is none."""
    return next((str(one["incident"]) for one in home.incidents() if one["outcome"] == "recovered"), "")


def test_a_worker_that_died_before_the_loop_began_is_started_again(worker: Queue) -> None:
    first = worker.home.wd("start", "--service", "queue", "-o", "json").last["pid"]
    worker.works()
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not alive(first), "the worker is gone")
    watched(worker)
    worker.works()
    assert len(worker.roots()) == 1 and worker.roots() != [first]


def test_a_worker_that_a_person_stopped_stays_stopped(worker: Queue) -> None:
    worker.home.wd("start", "--service", "queue", "-o", "json")
    worker.works()
    worker.home.wd("stop", "--service", "queue")
    home = watched(worker)
    wait_for(lambda: "age" in home.wd("status", "queue").out, "the probe was asked")
    assert worker.roots() == []


def test_an_idle_worker_is_left_alone(worker: Queue) -> None:
    first = worker.home.wd("start", "--service", "queue", "-o", "json").last["pid"]
    worker.works()
    home = watched(worker)
    wait_for(lambda: "ok for" in home.wd("status", "queue").out, "the probe was asked")
    assert worker.roots() == [first] and not cured(home)
