"""The page about many hosts: each command on it is understood, and each option of a run is explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from printed import misunderstood

from watchdog.cli.commands import COMMANDS
from watchdog.cli.fleet_commands import FLEET

pytestmark = pytest.mark.same_everywhere("judges the source and the documents of the project")

PAGE = (Path(__file__).parents[2] / "docs" / "fleet.md").read_text(encoding="utf-8")
LINES = re.findall(r"^ +(wd fleet [^#\n]*?)(?:  .*)?$", PAGE, re.MULTILINE) + re.findall(r"`(wd fleet [^`]+)`", PAGE)


@pytest.mark.parametrize("line", [line for line in LINES if line.split()[2] in ("ps", "why", "run", "resume")])
def test_every_command_of_the_page_is_understood(line: str) -> None:
    if not line.split()[3:]:  # the name of a command in a sentence
        return
    assert misunderstood(line) == ""


def test_every_command_and_every_option_of_a_budget_stands_on_the_page() -> None:
    for spec in FLEET:
        assert f"wd {spec.name}" in PAGE or spec.name.split()[1] in ("host", "status", "tick"), spec.name
    for option in ("--batch", "--max-failed", "--max-at-once", "--verify", "--verify-within", "--deadline", "--id"):
        assert option in {one.name for one in COMMANDS["fleet run"].options}
        assert option in PAGE
