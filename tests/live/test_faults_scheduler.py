"""Checks come when they are due, whatever the others do: hang, raise anything, or come after hours without a loop."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from clocks import Wall
from support import alive, wait_for
from watching import ROOT, Home, Service

pytestmark = pytest.mark.timeout(600)  # many waits, each of them long enough for a busy machine


def questions(service: Service) -> int:
    path = service.folder / "asked"
    return len(path.read_text().split()) if path.exists() else 0


def is_brought_back(service: Service, before: int) -> None:
    wait_for(lambda: service.pid() not in (0, before), f"a new {service.name} answers", 100)
    assert not alive(before) and len(service.living()) == 1


def test_a_dozen_probes_that_hang_delay_no_other_and_what_is_left_out_is_counted(home: Home, folder: Path) -> None:
    quick = home.service("quick", "fickle.py")
    before = quick.start()
    with ExitStack() as stack:
        for number in range(12):
            hung = home.service(f"hung{number}")
            hung.playbook["probes"]["health"].update(timeout="10m", every="200ms")
            hung.write()
            stack.enter_context(socket.create_server(("127.0.0.1", hung.port)))  # connects, and nobody accepts
        daemon = home.watch("--metrics", str(folder / "wd.prom"))
        daemon.hears("skipped, the previous check is still in progress")
        asked = questions(quick)
        wait_for(lambda: questions(quick) > asked + 10, "the quick one is asked all the same", 60)
        os.kill(before, signal.SIGSTOP)
        is_brought_back(quick, before)
        wait_for(lambda: skipped(folder / "wd.prom") >= 12, "each that was left out is counted", 60)
        assert "trouble" not in {line.split()[3] for line in daemon.said.splitlines() if " hung" in line}


def skipped(path: Path) -> int:
    found = re.search(r"^wd_skipped_total (\d+)$", path.read_text() if path.exists() else "", re.MULTILINE)
    return int(found[1]) if found else 0


RAISING = """
import sys
if "watch" in sys.argv or "watch" in sys.orig_argv:
    sys.path.insert(0, {root!r})
    from watchdog.watch import loop, loop_state, rounds

    def at_first(real):
        kinds = [SystemExit, KeyboardInterrupt, MemoryError, RecursionError, GeneratorExit, OSError]

        def raising(*args, **options):
            if kinds:
                raise kinds.pop()("on purpose")
            return real(*args, **options)

        return raising

    loop.STORE = 0.3
    rounds.probe = at_first(rounds.probe)
    loop_state.LoopState.store = at_first(loop_state.LoopState.store)
"""


def test_whatever_a_check_or_a_job_raises_is_told_and_the_next_one_comes(home: Home, folder: Path) -> None:
    (folder / "sitecustomize.py").write_text(RAISING.format(root=str(ROOT)))
    shop = home.service(server="fickle.py")
    before = shop.start()
    daemon = home.watch(env={"PYTHONPATH": str(folder)})
    for kind in ("SystemExit", "KeyboardInterrupt", "MemoryError", "RecursionError", "GeneratorExit", "OSError"):
        wait_for(lambda kind=kind: daemon.said.count(f"{kind}: on purpose") == 2, f"{kind} is told of both", 60)  # type: ignore[misc]
    asked = questions(shop)
    wait_for(lambda: questions(shop) > asked + 5, "it is asked all the same", 60)
    os.kill(before, signal.SIGSTOP)
    is_brought_back(shop, before)
    daemon.hears("bring-back: recovered")
    assert daemon.stop() == 0
    assert "Traceback" not in daemon.said


def test_after_an_hour_without_a_loop_nothing_is_made_up_for_and_who_is_down_is_started_once(
    home: Home, folder: Path
) -> None:
    wall = Wall(folder)
    home.runbook("look", "---\nsummary: Harmless, for tests.\n---\n# Look\n```wd timeout=60s\nwait 100ms\n```\n")
    overdue = f"{(time.localtime().tm_min + 30) % 60} * * * *"  # it came due while nobody was there
    services = [home.service(f"s{number}", "fickle.py") for number in range(6)]
    for service in services:
        service.playbook["triggers"] += [{"cron": overdue, "run": "look"}, {"every": "10m", "run": "look"}]
        service.write()
    pids = [service.start() for service in services]
    first = home.watch(env=wall.env)
    wait_for(lambda: all(questions(service) > 5 for service in services), "all are asked", 60)
    first.signal(signal.SIGKILL)
    first.process.wait(30)
    os.kill(pids[0], signal.SIGKILL)
    home.started[0].wait(30)

    wall.move(3600)
    begun, asked = time.monotonic(), [questions(service) for service in services]
    second = home.watch(env=wall.env)
    is_brought_back(services[0], pids[0])
    second.hears("bring-back: recovered")
    wait_for(
        lambda: all(questions(one) > was + 10 for one, was in zip(services, asked, strict=True)), "all are asked", 100
    )
    most = (time.monotonic() - begun) / 0.3 + 5
    assert all(questions(one) - was <= most for one, was in zip(services[1:], asked[1:], strict=True))
    assert [service.starts() for service in services[1:]] == [[pid] for pid in pids[1:]]
    assert len(services[0].starts()) == 2
    assert [row["runbook"] for row in home.incidents()] == ["bring-back"], "what came due in that hour is over"
