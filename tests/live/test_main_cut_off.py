"""A run that is cut off, wherever and however, never leaves the server down and never starts it twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import Shop, answering_pid, shop_in
from support import alive, wait_for

ROUNDS = int(os.environ.get("WD_INTERRUPT_ROUNDS", "6"))
WAYS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOPS = """\
```wd timeout=30s on-fail=escalate
kill --grace 3s
```
```wd timeout=60s on-fail=stop
wait 30s
start
verify --healthy 2 --within 30s
report
```
"""


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


def read_until(child: subprocess.Popen[str], text: str) -> list[str]:
    lines = []
    assert child.stdout is not None
    for line in child.stdout:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError(f"it ended before it said {text!r}: {''.join(lines)}")


def let_go(child: subprocess.Popen[str]) -> None:
    child.wait(60)
    assert child.stdout is not None
    child.stdout.close()


@pytest.mark.parametrize("round", range(ROUNDS))
def test_a_run_that_is_interrupted_at_any_moment_ends_with_one_healthy_server(shop: Shop, round: int) -> None:
    """Before the first signal nothing has happened; from there on the server comes back by itself."""
    words = ("--ignore-term",) if round % 3 == 2 else ()
    shop.playbook(*words)
    with shop.server(*words, hung=True) as old:
        run = shop.begin("run", "short", "--service", "shop", "--yes")
        if round % 2:
            read_until(run, "SIGTERM to")
        time.sleep(random.uniform(0, 1.5 if round % 2 else 2.5))
        run.send_signal(WAYS[round % 4])
        let_go(run)
        touched = not alive(old.pid)
        if touched:
            wait_for(lambda: answering_pid(shop.port), "the server is up again, though wd is gone")
        done = shop.wd("run", "short", "--service", "shop", "--yes", "-o", "json")
        assert (done.code, done.last["outcome"]) == (0, "recovered"), done.err
        assert not alive(old.pid)
        (new,) = shop.copies()
        assert answering_pid(shop.port) == new


def test_what_was_cut_off_between_kill_and_start_is_started_said_and_finished(shop: Shop) -> None:
    shop.runbook("stops", STOPS)
    with shop.server(hung=True) as old:
        run = shop.begin("run", "stops", "--service", "shop", "--yes")
        read_until(run, "… wait 30s")
        run.kill()
        let_go(run)
        wait_for(lambda: answering_pid(shop.port), "the server is up again, though wd is gone")
        (new,) = shop.copies()
        (cut,) = shop.wd("incidents", "list", "-o", "json").rows
        assert cut["cut_off"] and not alive(old.pid)

        # Resumed: only what is left, under the same incident, whose report tells the whole story.
        path = shop.folder / "runbooks" / "stops.md"
        path.write_text(STOPS.replace("wait 30s", "wait 10ms"))
        done = shop.wd("run", "stops", "--service", "shop", "--resume", "--yes", "-o", "json")
        assert (done.code, done.last["outcome"]) == (0, "recovered"), done.err
        assert done.last["incident"] == cut["incident"]
        assert "cut off" in done.err and "kill --grace 3s" in done.err
        assert shop.copies() == [new]
        text = Path(done.last["report"]).read_text()
        assert Path(done.last["report"]).parent.name == cut["incident"]
        assert f"pid {old.pid}" in text and f"pid {new}" in text
        shown = json.loads(Path(done.last["report"]).with_suffix(".json").read_text())
        assert [step["step"] for step in shown["steps"]] == ["kill", "wait", "wait", "start", "verify", "report"]


def test_the_next_run_says_that_an_earlier_one_was_cut_off(shop: Shop) -> None:
    shop.runbook("stops", STOPS)
    with shop.server(hung=True):
        run = shop.begin("run", "stops", "--service", "shop", "--yes")
        read_until(run, "… wait 30s")
        run.kill()
        let_go(run)
        wait_for(lambda: answering_pid(shop.port), "the server is up again, though wd is gone")
        other = shop.wd("run", "short", "--service", "shop", "--resume", "--yes")
        assert other.code == 4 and "stops" in other.err
        shop.hang()
        done = shop.wd("run", "short", "--service", "shop", "--yes")
        assert done.code == 0 and "an earlier run was cut off" in done.err and "wait 30s" in done.err
        assert len(shop.copies()) == 1
        rows = shop.wd("incidents", "list", "-o", "json").rows
        assert [(row["runbook"], row["outcome"]) for row in rows] == [("short", "recovered"), ("stops", "interrupted")]


def test_of_two_runs_at_once_one_acts_and_the_other_says_who_does(shop: Shop) -> None:
    with shop.server("--ignore-term", hung=True) as old:
        first = shop.begin("run", "short", "--service", "shop", "--yes")
        read_until(first, "SIGTERM to")
        first.send_signal(signal.SIGSTOP)  # however slow this machine is, it is in the middle of its work
        try:
            second = shop.wd("run", "short", "--service", "shop", "--yes")
            by_port = shop.wd("kill", "--port", str(shop.port))
        finally:
            first.send_signal(signal.SIGCONT)
        let_go(first)
        assert first.returncode == 0
        for refused in (second, by_port):
            assert refused.code == 5
            assert f"run short on shop (pid {first.pid}" in refused.out + refused.err
        assert not alive(old.pid) and len(shop.copies()) == 1


def test_of_six_runs_at_the_same_moment_exactly_one_restarts_the_server(shop: Shop) -> None:
    with shop.server(hung=True) as old:
        runs = [shop.begin("run", "short", "--service", "shop", "--yes") for _ in range(6)]
        for run in runs:
            threading.Thread(target=run.communicate, daemon=True).start()
        codes = [run.wait(90) for run in runs]
        # A late one finds the lock free again, and a server that was started after it looked: that is left alone.
        assert codes.count(0) >= 1 and set(codes) <= {0, 2, 5}
        assert not alive(old.pid) and len(shop.copies()) == 1
        assert answering_pid(shop.port) == shop.copies()[0]


def test_what_a_person_starts_is_bound_by_no_budget_and_uses_up_none(shop: Shop) -> None:
    shop.playbook(more="policy: {give_up: {restarts: 2, within: 30m}, per_hour: 1, per_hour_everywhere: 1}\n")
    with shop.server():
        for _ in range(3):
            done = shop.wd("run", "short", "--service", "shop", "-o", "json")
            assert (done.code, done.last["outcome"]) == (0, "recovered"), done.err
        assert shop.wd("restart", "--service", "shop").code == 0
        assert shop.wd("run", "short", "--service", "shop", "--dry-run").code == 0
