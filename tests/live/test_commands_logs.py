"""`wd logs`: the lines of a service's logs, old and new, without secrets and without what could forge a line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support import wait_for

from watchdog.text.stamps import stamp


@pytest.fixture
def home(folder: Path) -> Path:
    for name in ("playbooks", "runbooks", "logs"):
        (folder / name).mkdir(mode=0o700)
    text = f"service: shop\nfind: {{port: 1}}\nlogs: [{folder}/shop.log]\n"
    (folder / "playbooks" / "shop.yml").write_text(text, encoding="utf-8")
    return folder


def wd(home: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "watchdog.cli.main", "--home", str(home), *words]


def shown(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(wd(home, *words), capture_output=True, text=True, timeout=60)


def test_the_last_lines_come_without_secrets_and_without_control_characters(home: Path) -> None:
    (home / "shop.log").write_text("old\n" * 60 + "password=hunter2XyZ \x1b[31mred\n", encoding="utf-8")
    lines = shown(home, "logs", "shop", "--lines", "3").stdout.splitlines()
    assert lines[:2] == ["old", "old"] and len(lines) == 3
    assert "hunter2XyZ" not in lines[2] and "\x1b" not in lines[2]


def test_since_leaves_out_what_is_older_and_keeps_a_traceback_whole(home: Path) -> None:
    now = datetime.now()
    old, new = (now - timedelta(hours=1)).isoformat(" ", "seconds"), now.isoformat(" ", "seconds")
    (home / "shop.log").write_text(f"{old} early\n{new} ERROR\nTraceback\n  line\n", encoding="utf-8")
    assert shown(home, "logs", "shop", "--since", "10m").stdout.splitlines() == [f"{new} ERROR", "Traceback", "  line"]


def test_following_shows_new_lines_over_a_rotation_until_ctrl_c(home: Path) -> None:
    log = home / "shop.log"
    log.write_text("first\n", encoding="utf-8")
    out = home / "out"
    with out.open("wb") as sink:
        process = subprocess.Popen(wd(home, "logs", "shop", "-f"), stdout=sink, start_new_session=True)
    try:
        wait_for(lambda: b"first" in out.read_bytes(), "the old line is shown")
        with log.open("a") as file:
            file.write("second\n")
        wait_for(lambda: b"second" in out.read_bytes(), "the new line is shown")
        log.rename(home / "shop.log.1")
        log.write_text("third\n", encoding="utf-8")
        wait_for(lambda: b"third" in out.read_bytes(), "the line of the new file is shown")
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 130
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
    assert out.read_text().split() == ["first", "second", "third"]


def test_a_service_without_logs_says_why_there_are_none(home: Path) -> None:
    (home / "playbooks" / "bare.yml").write_text("service: bare\nfind: {port: 2}\n", encoding="utf-8")
    done = shown(home, "logs", "bare")
    assert done.returncode == 4 and "bare has no log" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "2026-01-31T03:00:12Z up",
        "2026-01-31 03:00:12,123 INFO up",
        "[2026-01-31 03:00:12 +0000] [7] [INFO] up",
        '127.0.0.1 - - [31/Jan/2026:03:00:12 +0000] "GET /"',
    ],
)
def test_times_are_read_as_servers_write_them(line: str) -> None:
    found = stamp(line)
    assert found is not None and abs(found - datetime(2026, 1, 31, 3, 0, 12).astimezone().timestamp()) < 86400
    assert stamp("2026-13-45 99:99:99 no time") is None and stamp("plain words") is None
