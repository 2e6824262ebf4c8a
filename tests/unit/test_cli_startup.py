"""`wd --help` is quick on a sick machine: nothing heavy is imported before a command really runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("requests", "apscheduler", "jinja2", "pydantic", "ruamel", "rich", "loguru")


def imported(*words: str) -> set[str]:
    """The top level modules that Python itself says it imported."""
    line = [sys.executable, "-X", "importtime", "-m", "watchdog.cli.main", *words]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    rows = (row.rpartition("|")[2].strip() for row in done.stderr.splitlines() if row.startswith("import time:"))
    return {row.split(".")[0] for row in rows}


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("kill", "--help")])
def test_telling_the_version_and_the_help_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    assert not imported(*words) & set(HEAVY)


def test_a_command_without_a_home_never_reads_a_configuration(tmp_path: object) -> None:
    line = [sys.executable, "-X", "importtime", "-m", "watchdog.cli.main", "find", "--port", "1"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    rows = {row.rpartition("|")[2].strip().split(".")[0] for row in done.stderr.splitlines() if "import time" in row}
    assert done.returncode == 4
    assert not rows & {"pydantic", "ruamel", "apscheduler", "jinja2"}
