"""What a service finds in its environment: read from files that people and other tools write."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchdog.model.playbook import Start
from watchdog.starting import launch
from watchdog.system.child import service_env
from watchdog.system.host import accounts

COMMANDS = pytest.mark.posix("commands, accounts and files of POSIX; tests/windows starts those of Windows")


def read(folder: Path, text: str) -> dict[str, str]:
    path = folder / "env"
    path.write_text(text)
    path.chmod(0o600)
    return service_env.read_env_file(path, accounts.our_id())


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("export A=1", "1"),
        ("  A=1  ", "1"),
        ("A=", ""),
        ("A='a b'", "a b"),
        ('A="a b" # why', "a b"),
        ("A=a b", "a b"),
        ("A=x=y", "x=y"),
        ("A=$HOME", "$HOME"),
        ('A="it\'s"', "it's"),
        ("A=pass#word", "pass#word"),
    ],
)
def test_a_line_gives_its_value_and_nothing_is_expanded(folder: Path, line: str, value: str) -> None:
    assert read(folder, f"# a comment\n\n{line}\n") == {"A": value}


@pytest.mark.parametrize("line", ["A", "1A=2", "A B=1", "=x", "A='open"])
def test_a_line_that_is_no_assignment_is_named_with_its_number(folder: Path, line: str) -> None:
    with pytest.raises(ValueError, match="env:2"):
        read(folder, f"OK=1\n{line}\n")


def test_declared_variables_win_over_the_file_and_the_file_over_the_base(folder: Path) -> None:
    (folder / "env").write_text("LANG=de_DE\nBOTH=file\n")
    (folder / "env").chmod(0o600)
    start = Start(env=(("BOTH", "playbook"),), env_file=str(folder / "env"))
    found = service_env.environment(start)
    assert (found["LANG"], found["BOTH"]) == ("de_DE", "playbook")
    assert found["PATH"] and (found.get("HOME") or found["USERPROFILE"])


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (Start(), "no start.command"),
        pytest.param(Start(command=("true",), user="nobody-has-this-name"), "no user", marks=COMMANDS),
        (Start(command=("true",), cwd="/nonexistent"), "not a folder"),
        pytest.param(
            Start(command=("true",), cwd="/", env_file="/nonexistent"), "/nonexistent: No such file", marks=COMMANDS
        ),
        (Start(command=("true",), cwd="/", log="/nonexistent/x.log"), "start.log"),
        pytest.param(Start(command=("true",), cwd="/", fallback=("/nonexistent",)), "/nonexistent", marks=COMMANDS),
        pytest.param(Start(command=("/etc/passwd",), cwd="/"), "not executable", marks=COMMANDS),
        (Start(command=("/etc",), cwd="/"), "not a program"),
        (Start(command=("no-such-program-anywhere",), cwd="/"), "full path"),
        pytest.param(Start(command=("sh", "missing.sh"), cwd="/"), "/missing.sh: no such file", marks=COMMANDS),
        (Start(through="cron:x"), "no manager"),
        pytest.param(Start(command=("true",), cwd="/"), "", marks=COMMANDS),
        pytest.param(Start(command=("sh", "-c", "true"), cwd="/"), "", marks=COMMANDS),
    ],
)
def test_what_cannot_be_started_says_why_before_anything_is_ended(start: Start, words: str) -> None:
    problem = launch.check_command(start)
    assert words in problem if words else problem == ""
