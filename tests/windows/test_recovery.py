"""From a hang to a proven recovery on Windows: by a runbook, by the loop, by one pass of it; wd killed in between."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

if sys.platform != "win32":
    pytest.skip("these are for Windows: sh tests/windows.sh runs them", allow_module_level=True)

from machine import Home, Programs, answers, asked, command_lines, home, listens, programs, told, wait_for, wd

__all__ = ["home", "programs"]  # fixtures

ASLEEP = """
def hang():
    time.sleep(3600)
serve(http.server.HTTPServer)
"""
# Patient with a slow machine: what is tried here is that it acts, not how fast. Without a grace of its own a new server
# would not count as hung for as long as its start may take.
LOOP: dict[str, Any] = {
    "probes": {"health": {"http": "/", "every": "1s", "timeout": "5s", "fails": 2}},
    "triggers": [{"on": "health", "run": "frozen-server"}, {"on": "death", "run": "frozen-server"}],
    "policy": {"mode": "act", "grace": "5s", "backoff": {"first": "200ms", "max": "1s"}},
}


@contextmanager
def watching(home: Home) -> Iterator[None]:
    """The loop, as a child that is ended afterwards."""
    log = home.programs.folder / "watch.log"
    with log.open("wb") as out:
        loop = subprocess.Popen(
            [sys.executable, "-m", "watchdog.cli.main", "--home", str(home.folder), "watch"],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield
        assert loop.poll() is None, log.read_text(encoding="utf-8", errors="replace")
    finally:
        loop.kill()
        loop.wait(20)


def started(home: Home, work: str = "serve()\n", **more: Any) -> psutil.Process:
    """The service's server, started by wd."""
    home.service(work, **more)
    done = home.wd("start", "shop")
    assert done.returncode == 0, told(done)
    return psutil.Process(home.holder())


def test_the_runbook_brings_a_hung_server_back_and_reports_it(home: Home) -> None:
    old = started(home, ASLEEP)
    with asked(home.port):
        wait_for(lambda: not answers(home.port), "it hangs")
        done = home.wd("run", "frozen-server", "--service", "shop", "--yes")
    assert done.returncode == 0, told(done)
    assert answers(home.port)
    assert not old.is_running()
    (report,) = home.reports()
    assert "time.sleep(3600)" in report
    assert f"port {home.port}" in report
    assert "SIG" not in report


def test_the_demo_shows_a_whole_recovery() -> None:
    done = wd("demo")
    assert done.returncode == 0, told(done)
    assert "lock-deadlock" in done.stdout.lower()
    assert "The whole report" in done.stdout


def test_the_loop_brings_back_what_dies_and_what_is_suspended(home: Home) -> None:
    first = started(home, **LOOP)
    begun = len(home.reports())
    with watching(home):
        first.kill()
        # With its report the run has ended. A stop before that falls into the proof, which waits for its whole time.
        wait_for(lambda: len(home.reports()) > begun, "the report of the recovery after its death")
        second = psutil.Process(home.holder())
        assert second != first
        second.suspend()
        wait_for(lambda: not second.is_running() and answers(home.port), "it runs again after the stop")
    wait_for(lambda: listens(home.port), "the server outlives the loop")


def test_one_pass_of_the_loop_brings_a_dead_server_back(home: Home) -> None:
    old = started(home, **LOOP)
    assert home.wd("tick").returncode == 0
    old.kill()
    old.wait(20)
    seen: list[subprocess.CompletedProcess[str]] = []
    while len(seen) < 3 and not any(one.returncode in (1, 2) for one in seen):
        seen.append(home.wd("tick"))
    assert seen[-1].returncode in (1, 2), [told(one) for one in seen]
    wait_for(lambda: answers(home.port), "it runs again")
    assert home.holder() != old.pid


@pytest.mark.parametrize("moment", [0.3, 1.0, None], ids=["soon", "later", "after-the-kill"])
def test_wd_ended_in_the_middle_leaves_one_server_that_runs(home: Home, moment: float | None) -> None:
    old = started(home)
    run = subprocess.Popen(
        [sys.executable, "-m", "watchdog.cli.main", "--home", str(home.folder), "restart", "shop", "--yes"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        if moment is None:
            wait_for(lambda: not old.is_running() or run.poll() is not None, "the kill", pause=0.02)
            assert not old.is_running(), f"it ended with {run.poll()} before the kill"
        else:
            with pytest.raises(subprocess.TimeoutExpired):
                run.wait(moment)
    finally:
        run.kill()
        run.wait(20)
    wait_for(lambda: answers(home.port), "it runs")
    servers = [one for one, words in command_lines() if words[1:2] == [script(home)]]
    assert len(servers) == 1, servers


def script(home: Home) -> str:
    return str(home.programs.folder / "shop.py")


def test_mistakes_in_a_playbook_and_a_runbook_have_their_place(home: Home) -> None:
    home.service()
    assert home.wd("validate").returncode == 0
    place = home.folder / "playbooks" / "shop.yml"
    place.write_text("service: shop\nfind: {port: 80000}\nstart: {command: 'C:\\shop\\run.exe \"half'}\n")
    done = home.wd("validate")
    assert done.returncode == 3, told(done)
    assert f"{place}:2" in done.stdout + done.stderr, told(done)
    book = home.folder / "runbooks" / "odd.md"
    book.write_text("---\nsummary: Odd.\n---\n# Odd\n```wd\nkil shop\n```\n")
    done = home.wd("runbooks", "lint")
    assert done.returncode in (2, 3), told(done)
    assert "odd.md:6" in done.stdout + done.stderr, told(done)


def test_backslashes_and_drives_stay_what_they_are_in_a_playbook(home: Home, programs: Programs) -> None:
    script = programs.script()
    (home.folder / "playbooks" / "shop.yml").write_text(
        f"service: shop\nfind: {{port: {home.port}}}\nstart:\n  command: {sys.executable} {script} {home.port}\n"
        f"  ready: {{url: /, within: 100s}}\n"
    )
    done = home.wd("start", "shop")
    assert done.returncode == 0, told(done)
    result = json.loads(home.wd("status", "shop", "-o", "json").stdout.splitlines()[-1])
    assert result, result
    assert Path(psutil.Process(home.holder()).cmdline()[1]) == script
