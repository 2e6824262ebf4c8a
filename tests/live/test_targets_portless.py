"""What `wd ps` lists of the programs that listen nowhere, and what it leaves out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from homes import WD, shop_in, surroundings
from support import end_session, wait_for
from test_targets_titles import shown

from watchdog.targets import portless
from watchdog.targets.scene import Scene

FAMILY = """
import os, sys, time
if os.fork() == 0:
    open(sys.argv[1], "w").close()
time.sleep(600)
"""
STAYS = "import sys, time\nopen(sys.argv[1], 'w').close()\ntime.sleep(600)\n"
MCP = "if 0:\n    from mcp.server import fastmcp\n" + STAYS


@contextmanager
def program(folder: Path, *before: str, text: str = STAYS, after: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """`python script.py MARK` in a session of its own; with `before` a shell's line runs it."""
    script, mark = folder / "script.py", folder / "mark"
    script.write_text(text)
    line = f"{sys.executable} {script} {mark}{after}"
    argv = [*before, line] if before else line.split()
    process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for(mark.exists, "it runs")
        yield process
    finally:
        end_session(process)


def listed(session: int, long: float = 0.0) -> list[tuple[int, ...]]:
    """The trees of one session."""
    return [tree.pids for tree in portless.without_port(Scene.look(), (), long) if tree.root.session == session]


def test_a_script_and_its_children_are_one_program(folder: Path) -> None:
    with program(folder, text=FAMILY) as process:
        (pids,) = listed(process.pid)
        assert pids[0] == process.pid and len(pids) == 2


def test_a_script_that_has_just_started_is_a_short_command(folder: Path) -> None:
    with program(folder) as process:
        assert listed(process.pid, portless.LONG) == []


def test_an_mcp_server_is_listed_from_its_start(folder: Path) -> None:
    with program(folder, text=MCP) as process:
        assert listed(process.pid, portless.LONG) == [(process.pid,)]


def test_what_a_shell_waits_for_is_a_command(folder: Path) -> None:
    with program(folder, "/bin/sh", "-c", after="; true") as process:
        assert listed(process.pid) == []


def test_code_of_a_command_line_is_a_command() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    try:
        wait_for(lambda: "time.sleep" in shown(process.pid), "it runs")
        assert listed(process.pid) == []
    finally:
        end_session(process)


def test_the_loop_of_wd_is_not_listed(folder: Path) -> None:
    (folder / "home").mkdir()
    with shop_in(folder / "home") as room:
        argv = [*WD, "--home", str(room.folder), "watch"]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                                   env=surroundings())  # fmt: skip
        try:
            wait_for(lambda: "watch" in shown(process.pid), "the loop runs")
            assert listed(process.pid) == []
        finally:
            end_session(process)


@pytest.fixture
def two(folder: Path) -> Iterator[tuple[Path, list[int]]]:
    """The same worker in the folders `a` and `b`, and a home whose service means both."""
    began = []
    for name in "ab":
        (folder / name).mkdir()
        (folder / name / "twin.py").write_text(STAYS)
        argv = [sys.executable, "twin.py", "mark"]
        began.append(subprocess.Popen(argv, cwd=folder / name, stdin=subprocess.DEVNULL, start_new_session=True))
    try:
        wait_for(lambda: all((folder / name / "mark").exists() for name in "ab"), "both run")
        yield folder, [process.pid for process in began]
    finally:
        for process in began:
            end_session(process)


def test_of_two_applications_with_the_same_words_the_folder_names_one(two: tuple[Path, list[int]]) -> None:
    folder, (_, second) = two
    (folder / "home").mkdir()
    with shop_in(folder / "home") as room:
        playbook = room.folder / "playbooks" / "twin.yml"
        start = json.dumps({"command": ["/bin/sh", "launch.sh"], "cwd": str(folder)})
        playbook.write_text(f"service: twin\nfind: {{cmdline: twin.py}}\nstart: {start}\n")
        (folder / "launch.sh").write_text("exec true\n")
        for words in (("start", "--service", "twin"), ("kill", "--service", "twin", "--dry-run")):
            told = room.wd(*words, "-o", "json")
            text = json.dumps(told.last)
            assert told.code == 5 and str(folder / "a") in text and str(folder / "b") in text, told
            assert "find.cwd" in text, told
        playbook.write_text(f"service: twin\nfind: {{cmdline: twin.py, cwd: {folder}/b}}\nstart: {start}\n")
        found = room.wd("start", "--service", "twin", "-o", "json")
        assert (found.code, found.last["pid"]) == (0, second), found
        ended = room.wd("kill", "--service", "twin", "--dry-run", "-o", "json")
        assert [one["pid"] for one in ended.last["plans"][0]["doomed"]] == [second], ended


def test_a_worker_of_another_user_is_another_program(two: tuple[Path, list[int]]) -> None:
    folder, _ = two
    (folder / "home").mkdir()
    with shop_in(folder / "home") as room:
        playbook = room.folder / "playbooks" / "twin.yml"
        playbook.write_text(f"service: twin\nfind: {{cmdline: twin.py, cwd: {folder}/b, user: nobody}}\n")
        found = room.wd("kill", "--service", "twin", "--dry-run", "-o", "json")
        assert found.last["outcome"] in ("nothing", "planned") and "doomed" not in json.dumps(found.last), found
