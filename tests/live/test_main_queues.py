"""Celery and RQ workers as services without a port: listed, explained, ended, started again, never twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import shop_in
from queues import Queue, needs_redis, queue
from support import alive

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
