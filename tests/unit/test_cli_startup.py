"""`wd` is there at once on a sick machine: a command imports what it needs, and nothing else.

Judged by the modules that were imported, never by time.
"""

from __future__ import annotations

import functools
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

LIBRARIES = ("requests", "apscheduler", "jinja2", "pydantic", "ruamel", "rich", "loguru", "markdown_it", "psutil")
SLOW = (*LIBRARIES, "platformdirs", "cronsim", "importlib.metadata", "asyncio", "concurrent", "logging", "statistics")
NO_COMMAND = (*SLOW, "shutil", "json", "sqlite3", "subprocess", "socket", "ssl", "email", "hashlib", "random")
AWAY = 61  # a port on which nobody listens in any test


@functools.cache
def always() -> frozenset[str]:
    """What this Python imports by itself at its start."""
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", ""], capture_output=True, text=True, check=True)
    return frozenset(row.rpartition("|")[2].strip() for row in done.stderr.splitlines())


def imported(*words: str, codes: tuple[int, ...] = (0,), more: dict[str, str] | None = None) -> set[str]:
    """Every module that Python itself says it imported for these words, by its full name."""
    line = [sys.executable, "-X", "importtime", "-m", "watchdog.cli.main", *words]
    environment = {**os.environ, **(more or {})}
    with tempfile.TemporaryDirectory() as folder:  # a place without a home
        done = subprocess.run(
            line, capture_output=True, text=True, timeout=100, check=False, env=environment, cwd=folder
        )
    assert done.returncode in codes, done.stderr[-2000:]
    rows = (row.rpartition("|")[2].strip() for row in done.stderr.splitlines() if row.startswith("import time:"))
    return set(rows) - always()


def within(found: set[str], names: tuple[str, ...]) -> set[str]:
    """Those of the names that were imported, as a module or as a package with anything in it."""
    return {name for name in names if any(one == name or one.startswith(f"{name}.") for one in found)}


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process that listens and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        line = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
        process = subprocess.Popen(line, pass_fds=[listening.fileno()])
    try:
        yield process, port
    finally:
        process.kill()
        process.wait(30)


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("kill", "--help"), ("incidents", "--help")])
def test_the_version_and_the_help_import_the_command_line_and_nothing_else(words: tuple[str, ...]) -> None:
    found = imported(*words)
    assert not within(found, NO_COMMAND)
    assert not within(found, ("watchdog.system", "watchdog.targets", "watchdog.journal", "watchdog.runbook"))


def test_the_shell_completes_a_command_without_importing_one() -> None:
    found = imported(more={"_WD_COMPLETE": "bash_complete", "COMP_WORDS": "wd ki", "COMP_CWORD": "1"})
    assert not within(found, SLOW)
    assert not within(found, ("watchdog.system", "watchdog.targets", "watchdog.journal", "watchdog.runbook"))


def test_the_commands_that_the_shell_completes_are_all_there() -> None:
    environment = {**os.environ, "_WD_COMPLETE": "bash_complete", "COMP_WORDS": "wd ki", "COMP_CWORD": "1"}
    line = [sys.executable, "-m", "watchdog.cli.main"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=100, check=False, env=environment)
    assert done.stdout.splitlines() == ["plain,kill"]


@pytest.mark.parametrize("words", [("find", "--port", str(AWAY)), ("find", "--cmdline", "no-such-server-anywhere")])
@pytest.mark.posix("on Windows psutil reads the processes")
def test_a_look_for_nothing_imports_neither_http_nor_a_journal(words: tuple[str, ...]) -> None:
    found = imported(*words, codes=(4,))
    assert not within(found, (*SLOW, "http", "ssl", "email", "sqlite3", "shutil", "hashlib", "tempfile", "random"))
    assert not within(found, ("watchdog.journal", "watchdog.evidence", "watchdog.killing", "watchdog.config.playbooks"))


@pytest.mark.posix("on Windows psutil reads the processes")
def test_a_look_at_a_server_imports_no_library(server: tuple[subprocess.Popen[bytes], int]) -> None:
    found = imported("find", "--port", str(server[1]))
    assert not within(found, (*SLOW, "sqlite3", "tempfile"))


@pytest.mark.posix("on Windows psutil reads the processes")
def test_a_home_whose_playbooks_name_other_ports_is_not_read(
    server: tuple[subprocess.Popen[bytes], int], folder: Path
) -> None:
    (folder / "playbooks").mkdir()
    playbook = folder / "playbooks" / "shop.yml"
    playbook.write_text("service: shop\nfind: {port: 1}\n")
    assert not within(imported("--home", str(folder), "find", "--port", str(server[1])), ("pydantic", "ruamel"))
    playbook.write_text(f"service: shop\nfind: {{port: {server[1]}}}\n")
    assert within(imported("--home", str(folder), "find", "--port", str(server[1])), ("pydantic", "ruamel"))


@pytest.mark.posix("on Windows psutil reads the processes")
def test_a_playbook_that_was_checked_once_is_read_without_its_schema(folder: Path) -> None:
    (folder / "playbooks").mkdir()
    (folder / "playbooks" / "shop.yml").write_text("service: shop\nfind: {port: 1}\nprobes: {up: {tcp: 1}}\n")
    assert within(imported("--home", str(folder), "status", codes=(3,)), ("pydantic", "ruamel"))
    for words in (("status",), ("status", "shop"), ("find", "shop")):
        assert not within(imported("--home", str(folder), *words, codes=(3, 4)), ("pydantic", "ruamel"))


@pytest.mark.parametrize("words", [("ps",), ("ps", "--hung")])
def test_the_list_of_servers_imports_no_library(words: tuple[str, ...]) -> None:
    """Except requests, where one of the servers on this machine speaks TLS."""
    found = imported(*words, codes=(0, 4))
    assert not within(
        found, ("jinja2", "pydantic", "ruamel", "apscheduler", "rich", "loguru", "markdown_it", "sqlite3")
    )


@pytest.mark.posix("on Windows psutil reads the processes")
def test_a_kill_at_once_imports_neither_evidence_nor_pages(
    server: tuple[subprocess.Popen[bytes], int], folder: Path
) -> None:
    process, port = server
    (folder / "playbooks").mkdir()
    (folder / "playbooks" / "shop.yml").write_text("service: shop\nfind: {port: 1}\n")
    found = imported("--home", str(folder), "kill", "--port", str(port), "--force", "--no-evidence", "--yes")
    assert process.wait(30) == -9
    assert not within(found, (*SLOW, "shutil", "tempfile", "http", "ssl", "email", "hashlib", "pickle"))
    rooms = ("evidence", "diagnosis", "cpython", "starting", "probes", "checks", "leak", "workers", "watch")
    assert not within(found, tuple(f"watchdog.{room}" for room in rooms))
    assert not within(found, ("watchdog.report.render", "watchdog.config.playbooks", "watchdog.runbook.begin"))


@pytest.mark.posix("on Windows psutil reads the processes")
def test_a_diagnosis_imports_no_library(server: tuple[subprocess.Popen[bytes], int]) -> None:
    found = imported("why", "--port", str(server[1]), "--within", "2s", codes=(2, 3))
    assert not within(found, LIBRARIES)
    assert not within(found, ("watchdog.journal.store", "watchdog.report.render"))


@pytest.mark.skipif(sys.platform != "linux", reason="the guard is Linux's")
def test_the_guard_of_a_kill_imports_only_what_is_built_in() -> None:
    """It starts beside every kill: `socket` or `signal` alone would double what that costs."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); import watchdog.system.linux.freeze_guard"
    line = [sys.executable, "-I", "-S", "-X", "importtime", "-c", code, str(Path(__file__).parents[2])]
    done = subprocess.run(line, capture_output=True, text=True, timeout=100, check=True)
    found = {row.rpartition("|")[2].strip() for row in done.stderr.splitlines() if row.startswith("import time:")}
    assert "watchdog.system.linux.freeze_guard" in found
    assert not within(found, ("socket", "signal", "enum", "contextlib", "threading", "subprocess", "collections", "re"))
