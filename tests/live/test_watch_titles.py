"""The loop over a worker that shows a title and has no port: it is never started a second time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import WD, shop_in, surroundings
from support import SERVERS, alive, end_session, wait_for
from test_targets_titles import TITLE, Worker, by_hand, shown

LOOP = """
probes: {there: {process: 1, every: 300ms, fails: 2}}
triggers: [{on: there, run: dead-server}, {on: death, run: dead-server}]
policy: {mode: act, grace: 1s, backoff: {first: 100ms}}
"""


@pytest.fixture
def worker(folder: Path) -> Iterator[Worker]:
    with shop_in(folder) as room:
        made = Worker(room)
        made.playbook(more=LOOP)
        (room.folder / "playbooks" / "shop.yml").unlink()
        try:
            yield made
        finally:
            for pid in made.copies():
                os.kill(pid, signal.SIGKILL)
            wait_for(lambda: not made.copies(), "all copies are gone")


@contextlib.contextmanager
def loop(worker: Worker) -> Iterator[subprocess.Popen[bytes]]:
    """`wd watch`, killed at the end as a machine that runs out of memory does it."""
    argv = [*WD, "--home", str(worker.home.folder), "watch"]
    with (worker.home.folder / "watch.out").open("ab") as out:
        process = subprocess.Popen(
            argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True, env=surroundings()
        )
    try:
        yield process
    finally:
        end_session(process)


def rounds(worker: Worker) -> int:
    """How often a loop has asked whether it is there."""
    return len(worker.home.journal().samples("queue", "there"))


def looked(worker: Worker) -> None:
    """The loop has looked several times more."""
    before = rounds(worker)
    wait_for(lambda: rounds(worker) >= before + 4, "the loop looks at it")


def test_a_loop_in_mode_act_starts_no_second_worker_also_after_it_was_killed(worker: Worker) -> None:
    with by_hand(worker) as pid:
        for _ in range(2):
            with loop(worker):
                looked(worker)
            assert worker.copies() == [pid]


def test_a_worker_that_dies_under_the_loop_is_started_once(worker: Worker) -> None:
    with by_hand(worker) as pid, loop(worker):
        looked(worker)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: len(worker.copies()) == 1 and worker.copies() != [pid], "it is started again")
        (second,) = worker.copies()
        wait_for(lambda: shown(second).startswith("[shopd"), "it shows its title")
        looked(worker)
        assert worker.copies() == [second]


def test_a_worker_that_only_the_record_of_its_start_names_is_not_started_again(worker: Worker) -> None:
    """Its command is a launcher: it becomes a program that shares neither words nor folder with the playbook."""
    worker.argv = ["/bin/sh", "-c", f"cd / && exec {sys.executable} {SERVERS / 'titled.py'} '{TITLE}'"]
    worker.playbook("cmdline: nothing_like_it.py", LOOP)
    first = worker.home.wd("start", "--service", "queue", "-o", "json")
    pid = first.last["pid"]
    try:
        wait_for(lambda: shown(pid) == TITLE, "it shows its title")
        for _ in range(2):
            with loop(worker):
                looked(worker)
            assert alive(pid)
            log = (worker.home.folder / "watch.out").read_text()
            assert "dead-server" not in log, log
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
