"""A line of a log is written by strangers: whatever it holds, the loop and `wd tick` go on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from support import wait_for
from watching import Home, Service

from watchdog.journal.store import Journal
from watchdog.watch.loop_state import KEY

# Each needs ages for the line below in an engine that backtracks; the second needs such an engine.
PATTERNS = {"plain": r"user=(\w+\s?)+$", "with a look ahead": r"^(?!INFO)user=(\w+\s?)+$"}
LINE = f"user={'a' * 60}!\n"


def with_log(home: Home, pattern: str) -> tuple[Service, Path]:
    """A service whose log is searched for the pattern once a second."""
    log = home.folder / "shop.log"
    log.write_text("begins\n")
    shop = home.service()
    shop.playbook["logs"] = [str(log)]
    shop.playbook["probes"]["errors"] = {"log": pattern, "regex": True, "every": "1s", "timeout": "5s"}
    shop.write()
    shop.start()
    return shop, log


def reads_the_log(home: Home) -> bool:
    with Journal.open(home.folder / "logs") as journal:
        return '"errors"' in journal.kept("shop", KEY).partition('"bookmarks":')[2]


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_a_log_line_that_a_pattern_cannot_finish_stops_neither_the_loop_nor_the_cure_of_another_service(
    home: Home, pattern: str
) -> None:
    _, log = with_log(home, pattern)
    other = home.service("other")
    before = other.start()
    daemon = home.watch()
    wait_for(lambda: reads_the_log(home), "the log is read", 60)
    with log.open("a") as file:
        file.write(LINE)
    home.wd("tick", "--service", "shop", limit=60)
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: other.pid() not in (0, before), "the other service is started again", 60)
    assert daemon.stop() == 0


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_a_tick_reads_past_a_log_line_that_a_pattern_cannot_finish(home: Home, pattern: str) -> None:
    _, log = with_log(home, pattern)
    home.wd("tick", limit=60)
    with log.open("a") as file:
        file.write(LINE)
    home.wd("tick", limit=60)
    with log.open("a") as file:
        file.write("user=bob\n")
    assert "1 line with" in home.wd("tick", "-o", "json", limit=60).out
