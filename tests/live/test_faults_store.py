"""What the loop remembers, when it is killed, when the disk is full and when the store is damaged."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from support import alive, wait_for
from watching import Daemon, Home, Service

from watchdog.journal.store import Journal

KILLS = int(os.environ.get("WD_ROUNDS", "1")) * 4
pytestmark = pytest.mark.timeout(300 + 100 * KILLS)  # many waits, each of them long enough for a busy machine


def hang(shop: Service) -> int:
    before = shop.pid()
    assert before
    os.kill(before, signal.SIGSTOP)
    return before


def is_brought_back(shop: Service, before: int) -> None:
    wait_for(lambda: shop.pid() not in (0, before), f"a new {shop.name} answers", 120)
    assert not alive(before) and len(shop.living()) == 1


def told(daemon: Daemon, words: str, times: int) -> None:
    wait_for(lambda: daemon.said.count(words) >= times, f"{words!r} is told for the {times}. time", 100)


def test_a_loop_killed_at_any_moment_loses_no_incident_and_starts_each_server_once(home: Home) -> None:
    dice = random.Random(11)
    shop = home.service()
    shop.playbook["policy"] |= {
        "backoff": {"first": "100ms", "max": "100ms"},
        "give_up": {"restarts": 1000, "within": "1h"},
        "per_hour": 0,
        "per_hour_everywhere": 0,
    }
    shop.write()
    shop.start()
    known: dict[str, str] = {}
    for number in range(KILLS):
        daemon = home.watch()
        before = hang(shop)
        time.sleep(dice.uniform(0.0, 6.0))  # the moment of the kill is what is tried
        daemon.signal(signal.SIGKILL)
        daemon.process.wait(30)
        seen = {row["incident"]: row["outcome"] for row in home.incidents()}
        assert set(known) <= set(seen), "an incident was lost"
        assert all(seen[name] == outcome for name, outcome in known.items()), "what was over is over"

        following = home.watch()
        is_brought_back(shop, before)
        wait_for(lambda: all(row["outcome"] != "running" for row in home.incidents()), "every run has an end", 100)
        known = {row["incident"]: row["outcome"] for row in home.incidents()}
        assert following.stop() == 0
        assert len(shop.starts()) == 2 + number, "started once for each time that it hung"
    with Journal.open(home.folder / "logs", warn=pytest.fail) as journal:
        assert {one.id for one in journal.incidents(limit=10_000)} == set(known)


@pytest.mark.root
def test_with_a_full_disk_the_loop_cures_all_the_same_and_what_was_written_stays(home: Home, folder: Path) -> None:
    logs = home.folder / "logs"
    mounted = f'mount -t tmpfs -o size=8m,mode=700 tmpfs {logs} && exec "$0" "$@"'
    shop = home.service()
    shop.start()
    daemon = home.watch(limit=f'exec unshare -m /bin/sh -c \'{mounted}\' "$0" "$@"')
    is_brought_back(shop, hang(shop))
    told(daemon, "bring-back: recovered", 1)
    inside = Path(f"/proc/{daemon.process.pid}/root{logs}")
    with (inside / "ballast").open("wb", buffering=0) as ballast, pytest.raises(OSError, match="No space"):
        while True:
            ballast.write(bytes(4096))

    is_brought_back(shop, hang(shop))
    told(daemon, "no space is left on its disk", 1)
    told(daemon, "bring-back: ", 2)
    is_brought_back(shop, hang(shop))
    told(daemon, "bring-back: ", 3)
    assert "Traceback" not in daemon.said
    for path in inside.glob("journal.db*"):
        shutil.copy(path, folder / path.name)
    with Journal.open(folder, warn=pytest.fail) as journal:
        assert [one.outcome for one in journal.incidents()][-1] == "recovered", "the first one is whole"
    assert daemon.stop() == 0


def overwrite(path: Path) -> None:
    path.write_bytes(random.Random(3).randbytes(path.stat().st_size))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 + 100)


@pytest.mark.parametrize("how", ["overwritten", "cut"])
def test_a_damaged_store_is_set_aside_loudly_and_the_budget_counts_as_used(home: Home, how: str) -> None:
    shop = home.service()
    shop.playbook["policy"] |= {
        "backoff": {"first": "100ms", "max": "200ms"},
        "give_up": {"restarts": 3, "within": "30m"},
    }
    shop.write()
    shop.start()
    first = home.watch()
    is_brought_back(shop, hang(shop))
    told(first, "bring-back: recovered", 1)
    first.stop()
    assert len(home.incidents()) == 1  # nobody else has it open: what was written is in this one file afterwards
    {"overwritten": overwrite, "cut": cut}[how](home.folder / "logs" / "journal.db")

    daemon = home.watch()
    daemon.hears("the journal was damaged")
    daemon.hears("their budget counts as used")
    assert list((home.folder / "logs").glob("journal-damaged-*.db")), "it is kept for a look"
    is_brought_back(shop, hang(shop))
    told(daemon, "bring-back: recovered", 1)
    hang(shop)
    daemon.hears("gives up")
    daemon.hears("give-up: done", 100)
    assert len(shop.starts()) == 3, "one restart was left of the budget of three"
