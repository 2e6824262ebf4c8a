"""Every command that wd prints as advice runs as it stands; what changes something runs with --dry-run or --help."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from homes import shop_in
from test_tired_person import SCRIPT

from watchdog.cli.commands import COMMANDS
from watchdog.model.incident import Trigger
from watchdog.steps.registry import SPECS

pytestmark = pytest.mark.live
PRINTED = re.compile(r"`(wd [^`]+)`|: (wd [a-z-][^,;|(]*)")
TYPED = re.compile("unknown command: |Usage: ")  # it repeats what was typed, or is a pattern
PLACES = {"NAME": "shop", "S": "shop", "ID": "last", "TEXT": "hello", "HOME": "{home}", "PORT": "{port}", "PID": "1"}
WRITES = ("init", "guard", "notify", "snooze", "resume", "ack", "watch", "schedule")
WRONG = ("unknown command", "No such option", "Invalid value", "there is no", "Missing", "unexpected", "more than one")


def printed() -> list[str]:
    """Each command that stands in what wd printed, once."""
    lines = [line for line in SCRIPT.read_text(encoding="utf-8").splitlines() if line.startswith(("|", "!"))]
    lines = [line.replace("run NAME", "run short") for line in lines if not TYPED.search(line)]
    found = (match[1] or match[2] for line in lines for match in PRINTED.finditer(line))
    return list(dict.fromkeys(one.partition(". ")[0].partition(" instead")[0].rstrip(". ") for one in found))


def test_the_script_prints_commands() -> None:
    assert len(printed()) >= 12


@pytest.mark.parametrize("line", printed())
def test_a_printed_command_is_one_that_wd_understands(line: str, folder: Path) -> None:
    with shop_in(folder) as shop:
        with shop.journal() as journal:
            journal.close(journal.open_incident("shop", "frozen-server", Trigger("probe")).id, "recovered")
        words = [PLACES.get(word, word) for word in shlex.split(line.replace(" or --until-healthy", ""))[1:]]
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
