"""What wd proposes to the tired person runs as it stands; what changes something runs with --dry-run or --help.

That wd understands each command of its texts is shown by tests/unit/test_cli_advice.py, and for all that the live tests
see by `Home.wd`.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from homes import shop_in
from printed import commands
from test_tired_person import SCRIPT

from watchdog.cli.commands import COMMANDS
from watchdog.model.incident import Trigger
from watchdog.steps.registry import SPECS

pytestmark = pytest.mark.live
PLACES = {"NAME": "shop", "S": "shop", "ID": "last", "TEXT": "hello", "HOME": "{home}", "PORT": "{port}", "PID": "1"}
WRITES = ("init", "guard", "notify", "snooze", "resume", "ack", "watch", "schedule")
WRONG = ("unknown command", "No such option", "Invalid value", "there is no", "Missing", "unexpected", "more than one")


def printed() -> list[str]:
    """Each command that stands in what wd printed, once."""
    lines = [line for line in SCRIPT.read_text(encoding="utf-8").splitlines() if line.startswith(("|", "!"))]
    return commands("\n".join(lines).replace("run NAME", "run short"))


def test_the_script_prints_commands() -> None:
    assert len(printed()) >= 12


@pytest.mark.parametrize("line", printed())
def test_a_printed_command_is_one_that_wd_understands(line: str, folder: Path) -> None:
    with shop_in(folder) as shop:
        with shop.journal() as journal:
            journal.close(journal.open_incident("shop", "frozen-server", Trigger("probe")).id, "recovered")
        words = [PLACES.get(word, word) for word in shlex.split(line)[1:]]
        words = [word.format(home=shop.folder, port=shop.port) for word in words]
        if words[:1] == ["--home"]:
            words = words[2:]
        spec = {**SPECS, **COMMANDS}.get(words[0]) if words[0] != "--help" else None
        if spec is not None and spec.changes and "--dry-run" not in words:
            words.append("--dry-run")
        elif words[0] in WRITES:
            words.append("--help")
        done = shop.wd(*words, env={"DISPLAY": "", "WAYLAND_DISPLAY": ""})
        assert not [one for one in WRONG if one in done.err], done.err
        assert shop.copies() == []
