"""The caller's crontab: the job is in it once, and the lines of others survive. The command is a stand-in on a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from watching import Home, home_in

OTHERS = (
    b"MAILTO=kim\r\n0 5 * * * /usr/bin/mail kim%first%second\\%line\n# caf\xe9 \x0c and \xe2\x80\xa8 end no line\n\n"
)


class Table:
    """A crontab in a file, and the command for it: like Debian's, it takes no table whose last line has no end."""

    def __init__(self, folder: Path) -> None:
        self.file, self.command = folder / "table", folder / "bin" / "crontab"
        self.command.parent.mkdir()
        self.answer("")

    def answer(self, first: str) -> None:
        """What the command does before it does its work."""
        self.command.write_text(
            f"#!{sys.executable}\n"
            "import os, sys\nfrom pathlib import Path\n"
            f"table = Path({str(self.file)!r})\n{first}\n"
            "if sys.argv[1] == '-l':\n"
            "    if not table.exists():\n        sys.exit('no crontab for kim')\n"
            "    sys.stdout.buffer.write(table.read_bytes())\n"
            "elif sys.argv[1] == '-r':\n    table.unlink()\n"
            "else:\n    new = sys.stdin.buffer.read()\n"
            "    if not new.endswith(b'\\n'):\n"
            '        sys.exit("new crontab file is missing newline before EOF, can\'t install.")\n'
            "    table.write_bytes(new)\n"
        )
        self.command.chmod(0o755)


@pytest.fixture
def home(folder: Path) -> Iterator[Home]:
    with home_in(folder) as made:
        made.service()
        yield made


@pytest.fixture
def table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    made = Table(folder)
    monkeypatch.setenv("PATH", f"{made.command.parent}:{os.environ['PATH']}")
    return made


def test_a_crontab_gets_the_job_once_and_loses_nothing_else(home: Home, table: Table) -> None:
    table.file.write_bytes(OTHERS)
    assert home.wd("schedule", "show").code == 4
    for _ in range(2):
        assert home.wd("schedule", "install", "--every", "5m").code == 0
    there = table.file.read_bytes()
    assert (there[: len(OTHERS)], there.count(b"*/5 * * * *")) == (OTHERS, 1)
    assert "brought up to date" in home.wd("schedule", "install", "--every", "10m").out
    assert "tick" in home.wd("schedule", "show").out
    assert home.wd("schedule", "install", "--service", "shop").code == 0
    assert home.wd("schedule", "remove").code == 0
    assert table.file.read_bytes().count(b"# >>> wd job") == 1
    assert home.wd("schedule", "remove", "--service", "shop").code == 0
    assert table.file.read_bytes() == OTHERS


def test_what_would_be_done_is_shown_and_not_done(home: Home, table: Table) -> None:
    table.file.write_bytes(OTHERS)
    assert "tick" in home.wd("schedule", "install", "--dry-run").out
    assert table.file.read_bytes() == OTHERS
    home.wd("schedule", "install")
    there = table.file.read_bytes()
    assert "tick" in home.wd("schedule", "remove", "--dry-run").out
    assert table.file.read_bytes() == there


def test_who_had_no_crontab_has_none_afterwards(home: Home, table: Table) -> None:
    assert home.wd("schedule", "remove").code == 0
    assert home.wd("schedule", "install").code == 0
    assert table.file.exists()
    assert home.wd("schedule", "remove").code == 0
    assert not table.file.exists()


def test_a_last_line_without_an_end_is_no_reason_to_refuse(home: Home, table: Table) -> None:
    table.file.write_bytes(b"0 5 * * * /usr/bin/backup")
    assert home.wd("schedule", "install").code == 0
    assert home.wd("schedule", "remove").code == 0
    assert table.file.read_bytes() == b"0 5 * * * /usr/bin/backup\n"


def test_a_warning_of_the_crontab_command_gets_not_among_the_lines(home: Home, table: Table) -> None:
    table.file.write_bytes(OTHERS)
    table.answer("print('libfoo.so cannot be preloaded: ignored', file=sys.stderr)")
    assert home.wd("schedule", "install").code == 0
    assert home.wd("schedule", "remove").code == 0
    assert table.file.read_bytes() == OTHERS


def test_a_very_long_crontab_is_given_back_whole(home: Home, table: Table) -> None:
    others = b"# a line of somebody else, and there are many of them\n" * 40_000
    table.file.write_bytes(others)
    assert home.wd("schedule", "install").code == 0
    assert table.file.read_bytes().startswith(others)


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ("sys.exit('You (kim) are not allowed to use this program (crontab)')", 3, "not allowed to use this program"),
        ("if sys.argv[1] == '-':\n    sys.exit('errors in crontab file, cannot install.')", 2, "the old one stands"),
        ("os.kill(os.getpid(), 9)", 3, "cannot be read"),
    ],
)
def test_a_crontab_command_that_refuses_or_breaks_is_told_in_a_few_words(
    home: Home, table: Table, answer: str, code: int, said: str
) -> None:
    table.file.write_bytes(OTHERS)
    table.answer(answer)
    done = home.wd("schedule", "install")
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) <= 3
    assert table.file.read_bytes() == OTHERS


def test_without_cron_it_is_said_what_else_there_is(home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "empty").mkdir()
    monkeypatch.setenv("PATH", str(folder / "empty"))
    done = home.wd("schedule", "install")
    assert done.code == 3
    assert "there is no crontab command here" in done.err
    assert "--as systemd" in done.err


def test_an_interval_that_cron_cannot_keep_is_wrong_usage(home: Home) -> None:
    done = home.wd("schedule", "install", "--every", "7m", "--dry-run")
    assert done.code == 3
    assert "systemd timer" in done.err


@pytest.mark.parametrize("kind", ["cron", "systemd", "launchd", "task-scheduler"])
def test_a_name_that_would_begin_a_line_of_its_own_is_refused(folder: Path, table: Table, kind: str) -> None:
    (folder / "on\n* * * * * call").mkdir(0o700)
    with home_in(folder / "on\n* * * * * call") as odd:
        done = odd.wd("schedule", "install", "--as", kind)
    assert done.code == 3
    assert "cannot be written into a scheduler" in done.err
    assert not table.file.exists()
