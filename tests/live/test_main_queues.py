"""Celery and RQ workers as services without a port: listed, explained, ended, started again, never twice."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from homes import shop_in
from queues import Queue, needs_redis, queue
from support import alive, wait_for

pytestmark = needs_redis


@pytest.fixture(params=["celery", "rq"])
def worker(request: pytest.FixtureRequest, folder: Path) -> Iterator[Queue]:
    with shop_in(folder) as room, queue(room, request.param) as made:
        yield made


def listed(worker: Queue, *words: str) -> list[dict[str, object]]:
    found = worker.home.wd("ps", *words, "-o", "json")
    return [row for row in found.rows if row.get("pid") in worker.members()]


def test_an_idle_worker_is_listed_as_one_program_with_its_framework_and_is_not_hung(worker: Queue) -> None:
    pid = worker.by_hand()
    worker.works()
    (row,) = listed(worker)
    assert (row["pid"], row["framework"], row["ports"]) == (pid, worker.kind, []), row
    assert listed(worker, "--hung") == []


def test_a_worker_whose_job_never_ends_is_named_as_hung_with_the_line(worker: Queue) -> None:
    pid = worker.by_hand()
    worker.works()
    worker.hang()
    (row,) = listed(worker, "--hung")
    assert (row["pid"], row["verdict"]) == (pid, "hung") and "jobs.py" in str(row["doing"]), row


def why(worker: Queue) -> dict[str, Any]:
    found: dict[str, Any] = worker.home.wd("why", "--service", "queue", "-o", "json").last
    return found


def test_an_idle_worker_is_healthy_and_a_job_that_never_ends_has_its_line(worker: Queue) -> None:
    worker.by_hand()
    worker.works()
    assert why(worker)["verdict"] == "healthy"
    worker.hang()
    found = why(worker)
    culprit = found["findings"][0]["culprit"]
    assert (found["verdict"], culprit["function"]) == ("busy-loop", "spin"), found
    assert culprit["file"].endswith("jobs.py"), culprit


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_broker_that_is_stopped_or_gone_is_the_cause(worker: Queue, number: int) -> None:
    worker.by_hand()
    worker.works()
    broker = worker.broker_pid
    os.kill(broker, number)
    try:
        found = why(worker)
        address = worker.broker.split("/")[2]
        assert (found["verdict"], found["findings"][0]["peer"]) == ("external-wait", address), found
        assert found["advice"] == "call-a-person", found  # a restart of the worker changes nothing
    finally:
        os.kill(broker, signal.SIGCONT)


def test_of_four_children_the_stuck_one_alone_is_ended_by_the_printed_command(folder: Path) -> None:
    with shop_in(folder) as room, queue(room, "celery", children=4) as worker:
        master = worker.by_hand()
        worker.works()
        worker.hang()
        told = room.wd("why", "--service", "queue")
        (command,) = re.findall(r"wd (kill --worker --pid \d+)", told.out)
        before, stuck = set(worker.members()), int(command.split()[-1])
        done = room.wd(*command.split(), "--no-evidence", "-o", "json")
        assert done.code == 0 and [one["pid"] for one in done.last["killed"]] == [stuck], done
        assert before - {stuck} <= set(worker.members()) and alive(master)
        wait_for(lambda: len(worker.members()) == len(before), "the master replaces it")
        worker.works()


def test_the_whole_life_of_a_service_without_a_port(worker: Queue) -> None:
    wd = worker.home.wd
    started = wd("start", "--service", "queue", "-o", "json")
    first = started.last["pid"]
    assert started.code == 0 and worker.roots() == [first], started
    worker.works()
    again = wd("start", "--service", "queue", "-o", "json")
    assert (again.code, again.last["pid"], worker.roots()) == (0, first, [first]), again
    proven = wd("verify", "--service", "queue", "--within", "20s", "-o", "json")
    assert proven.code == 0, proven
    renewed = wd("restart", "--service", "queue", "-o", "json")
    second = renewed.last["pid"]
    assert renewed.code == 0 and not alive(first) and worker.roots() == [second], renewed
    worker.works()
    stopped = wd("stop", "--service", "queue", "-o", "json")
    assert stopped.code == 0 and worker.members() == [], stopped


def test_the_runbook_for_a_frozen_server_cures_a_worker_with_an_endless_job(worker: Queue) -> None:
    pid = worker.by_hand()
    worker.works()
    worker.hang()
    done = worker.home.wd("run", "frozen-server", "--service", "queue", "-o", "json")
    assert (done.code, done.last["outcome"]) == (0, "recovered"), done
    assert not alive(pid) and len(worker.roots()) == 1, worker.roots()
