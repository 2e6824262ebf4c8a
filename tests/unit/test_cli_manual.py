"""Every command has a page that a tired person can use: a group, what it changes, examples that work, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from printed import misunderstood

from watchdog.cli.build import everywhere, of_change, of_service, selectors
from watchdog.cli.commands import COMMANDS
from watchdog.cli.main import call
from watchdog.cli.manual import GROUPS, PAGES
from watchdog.steps.registry import SPECS

ALL = {**SPECS, **COMMANDS}
EXAMPLES = [(name, line) for name, page in PAGES.items() for line, _ in page.examples]


def test_every_command_has_one_page_and_one_group() -> None:
    assert set(PAGES) == set(ALL)
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted({name.partition(" ")[0] for name in ALL})


@pytest.mark.same_everywhere("judges the source and the documents of the project")
@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_two_examples_and_names_options_that_exist(name: str) -> None:
    page, spec = PAGES[name], ALL[name]
    assert len(page.examples) >= 2
    known = {one.name for one in spec.options}
    for part in (everywhere(), selectors() if spec.targets else of_service(), of_change() if spec.changes else []):
        known |= {opt for one in part for opt in one.opts}
    assert set(page.common) <= known


@pytest.mark.same_everywhere("judges the source and the documents of the project")
@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_every_example_is_understood_by_wd_itself(name: str, line: str) -> None:
    assert misunderstood(line) == ""


def test_the_first_page_shows_the_commands_in_groups(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if line.rstrip(":") in GROUPS] == [f"{name}:" for name in GROUPS]


def test_a_page_names_changes_common_options_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["kill", "--help"]) == 0
    shown = capsys.readouterr().out
    places = [shown.index(part) for part in ("It ends", "Common options:", "More options:", "Examples:", "Exit codes:")]
    assert places == sorted(places)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_gets_a_script_that_calls_wd(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["completion", shell]) == 0
    assert f"{shell}_complete" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "proposed"),
    [("wd start sh", "shop"), ("wd why --service ", "shop"), ("wd run fro", "frozen-server"), ("wd sna", "snapshot")],
)
def test_tab_proposes_the_names_of_this_home(typed: str, proposed: str, folder: Path) -> None:
    for name in ("playbooks", "runbooks", "logs"):
        (folder / name).mkdir(mode=0o700)
    (folder / "playbooks" / "a.yml").write_text("service: shop\nfind: {port: 1}\nmistake: 1\n", encoding="utf-8")
    words = typed.split(" ")
    env = {**os.environ, "WD_HOME": str(folder), "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    env |= {"_WD_COMPLETE": "bash_complete"}
    command = [sys.executable, "-m", "watchdog.cli.main"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert f"plain,{proposed}" in done.stdout.splitlines(), done.stderr


def test_the_man_page_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["man"]) == 0
    page = capsys.readouterr().out
    assert all(f'.SS "wd {name}"' in page for name in ALL)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("kill 8000", "Write :8000 for a port, --pid 8000 for a pid."),
        ("start a b", "more than one service: a, b"),
        ("why a --service b", "more than one service: a"),
    ],
)
def test_a_word_that_is_no_service_is_told_with_what_to_write(
    line: str, told: str, capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    assert call(line.split()) == 3
    assert told in capsys.readouterr().err
