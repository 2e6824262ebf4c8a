"""The loop is killed at any moment, and there may be several: one acts, nothing is lost, nothing is done twice."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from support import wait_for
from watching import Home


@contextlib.contextmanager
def killing(name: str, of: str) -> Iterator[list[int]]:
    """Meanwhile each process that names this is killed at once, if its parent names `of`."""
    killed: list[int] = []
    over = threading.Event()

    def words(pid: int) -> str:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")

    def kill() -> None:
        while not over.wait(0.002):
            for folder in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError, IndexError):
                    pid = int(folder.name)
                    parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                    if pid not in killed and name in words(pid) and of in words(parent):
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def test_ten_kills_of_the_loop_lose_no_incident_and_start_no_second_copy(home: Home) -> None:
    dice = random.Random(5)
    shop = home.service()
    shop.playbook["policy"] |= {
        "backoff": {"first": "100ms", "max": "100ms", "reset_after": "1s"},
        "give_up": {"restarts": 1000, "within": "1h"},
        "per_hour": 0,
        "per_hour_everywhere": 0,
    }
    shop.write()
    shop.start()
    known: set[str] = set()
    for _ in range(10):
        daemon = home.watch()
        wait_for(lambda: shop.pid() != 0, "it answers", 90)
        os.kill(shop.pid(), signal.SIGSTOP)
        time.sleep(dice.uniform(0.5, 3.0))  # the moment of the kill is what is tried
        daemon.signal(signal.SIGKILL)
        daemon.process.wait(30)
        now = {one["incident"] for one in home.incidents()}
        assert known <= now, "an incident was lost"
        known = now
    last = home.watch()
    wait_for(lambda: shop.pid() != 0, "it is back in the end", 120)
    wait_for(lambda: len(shop.living()) == 1, "one copy lives", 60)
    last.hears("watching")
    wait_for(lambda: all(one["outcome"] != "running" for one in home.incidents()), "every run has an end", 90)
    # Each stop needs at most one restart by a loop and, if that was killed, one by the next.
    assert len(shop.starts()) <= 1 + 2 * 11


def test_of_a_loop_and_two_ticks_one_acts(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    daemons = [home.watch()]
    wait_for(lambda: shop.pid() == before, "it answers")
    os.kill(before, signal.SIGSTOP)
    other = home.begin("tick")
    home.wd("tick")
    other.wait(120)
    wait_for(lambda: shop.pid() not in (0, before), "it is back", 120)
    wait_for(lambda: any("recovered" in daemon.said for daemon in daemons) or home.incidents(), "it is told", 60)
    wait_for(lambda: all(one["outcome"] != "running" for one in home.incidents()), "all is over", 60)
    assert len(shop.starts()) == 2, "restarted once"
    assert len(shop.living()) == 1


def test_a_run_that_was_cut_off_is_closed_by_the_next_loop(home: Home) -> None:
    home.runbook("bring-back", "---\nsummary: Slow, for tests.\n---\n# Slow\n```wd timeout=60s\nwait 50s\n```\n")
    shop = home.service()
    before = shop.start()
    first = home.watch()
    os.kill(before, signal.SIGSTOP)
    wait_for(lambda: any(one["outcome"] == "running" for one in home.incidents()), "the run has begun", 60)
    first.signal(signal.SIGKILL)
    first.process.wait(30)
    second = home.watch()
    second.hears("in the middle of")
    assert "interrupted" in {one["outcome"] for one in home.incidents()}


def test_a_loop_starts_although_each_reader_of_its_playbooks_is_killed(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    with killing("watchdog.watch.loading", of=str(home.folder)) as killed:
        home.watch()
        assert killed, "no reader was killed"
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: shop.pid() not in (0, before), "the server is started again", 90)
