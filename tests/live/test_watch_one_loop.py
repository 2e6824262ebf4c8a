"""Each service is watched by one loop, whether that loop watches the whole home or the one service."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import wait_for
from watching import Home, home_in


@pytest.fixture
def home(folder: Path) -> Iterator[Home]:
    with home_in(folder) as made:
        made.service("shop").start()
        made.service("blog").start()
        yield made


@pytest.mark.parametrize("first", [(), ("--service", "shop")])
@pytest.mark.parametrize("second", [(), ("--service", "shop")])
def test_a_second_loop_is_refused_with_the_pid_of_the_first(
    home: Home, first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    running = home.watch(*first)
    refused = home.wd("watch", *second)
    assert refused.code == 5 and "is watched already" in refused.err
    pid = running.process.pid
    assert f"pid {pid}," in refused.err and f"kill -TERM {pid}\n" in refused.err
    assert " ".join(("a loop runs: wd watch", *first)) in refused.err
    assert running.stop() == 0
    home.watch(*second).stop()


def test_two_services_may_have_a_loop_each(home: Home) -> None:
    home.watch("--service", "shop")
    home.watch("--service", "blog")
    assert home.wd("watch").code == 5


def test_after_a_kill_of_the_first_loop_the_next_one_watches(home: Home) -> None:
    first = home.watch()
    first.signal(signal.SIGKILL)
    first.process.wait(30)
    wait_for(lambda: home.watch().process.poll() is None, "it watches", 60)
