"""What `wd sidecar` keeps and says of a fault: the cause, the child's line, the evidence, an incident."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bridges import CHILD, bridge, child, environment, home
from support import wait_for


def incidents(folder: Path) -> list[dict[str, Any]]:
    """What `wd incidents list` shows, newest first, each with all that is known of it."""
    found = wd(folder, "incidents", "list", "-o", "json")
    return [wd(folder, "incidents", "show", one["incident"], "-o", "json")[-1] for one in found[:-1]]


def wd(folder: Path, *words: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "watchdog.cli.main", *words],
        env=environment(home(folder)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def line_of(text: str) -> int:
    lines = Path(CHILD).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.strip() == text)


@pytest.mark.parametrize(
    ("method", "cause", "line"),
    [
        ("lock", "lock-deadlock", "with lock, lock:"),
        ("collect", "stdio-ipc-deadlock", "line = source.readline()"),
    ],
)
def test_a_hang_is_an_incident_with_the_line_of_the_child(folder: Path, method: str, cause: str, line: str) -> None:
    with bridge(folder, *child(folder), options=("--limit", f"{method}=6s")) as host:
        host.initialize()
        assert host.request(method, parts=9)["error"]["data"] == {"fault": "hung"}
        assert host.request("echo")["result"]["life"] == 2
        wait_for(lambda: "incident" in host.said(), "the incident is told on standard error")
        assert f"{cause} at {CHILD}:{line_of(line)}" in host.said()
        (found,) = incidents(folder)
        assert found["cause"] == cause
        assert found["old_pids"] == [host.lives()[0]]
        evidence = Path(found["report"]).parent / "evidence"
        assert json.loads((evidence / "manifest.json").read_text())["pids"] == [host.lives()[0]]
        assert "stdio_child.py" in (evidence / "stacks.txt").read_text()


def test_a_crash_at_import_is_an_incident_with_its_last_words(folder: Path) -> None:
    with bridge(folder, *child(folder, "--first", "crash")) as host:
        assert host.initialize()["result"]["life"] == 2
        wait_for(lambda: "incident" in host.said(), "the incident is told on standard error")
        (found,) = incidents(folder)
        assert "code 1" in json.dumps(found["steps"])
        kept = Path(found["report"]).parent / "stderr.txt"
        assert "ImportError: no module named shop_settings" in kept.read_text()


def test_broken_lines_are_kept_as_evidence(folder: Path) -> None:
    with bridge(folder, *child(folder)) as host:
        host.initialize()
        assert host.request("garbage", count=10)["error"]["data"] == {"fault": "garbage"}
        assert host.request("echo")["result"]["life"] == 2
        wait_for(lambda: "incident" in host.said(), "the incident is told on standard error")
        (found,) = incidents(folder)
        assert "[INFO] step 9 of the work" in (Path(found["report"]).parent / "broken.txt").read_text()
