"""TAB in a real shell proposes what belongs at that place: commands, services of the home, runbooks."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import ROOT, Shop, shop_in, surroundings

# What stands before the cursor, and how each shell is asked what it would propose there.
ASK = {
    "bash": "source {script}; COMP_WORDS=({line}); COMP_CWORD={last}; "
    '$(complete -p wd | sed "s/.*-F \\([^ ]*\\).*/\\1/") wd; printf "%s\\n" "${{COMPREPLY[@]}}"',
    "fish": "source {script}; complete -C '{line}'",
}


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


def proposed(shell: str, line: str, shop: Shop) -> list[str]:
    """The words that the shell proposes."""
    wd = shop.folder / "bin" / "wd"
    wd.parent.mkdir()
    wd.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m watchdog.cli.main "$@"\n')
    wd.chmod(0o755)
    script = shop.folder / f"wd.{shell}"
    env = surroundings(PATH=f"{wd.parent}:/usr/bin:/bin", WD_HOME=str(shop.folder), HOME=str(shop.folder))
    done = subprocess.run([wd, "completion", shell], capture_output=True, text=True, env=env, timeout=60, check=True)
    script.write_text(done.stdout)
    asked = ASK[shell].format(script=script, line=line, last=len(line.split()) - 1)
    found = subprocess.run([shell, "-c", asked], capture_output=True, text=True, env=env, timeout=60, cwd=ROOT)
    return [one.split("\t")[0] for one in found.stdout.splitlines()]


@pytest.mark.parametrize("shell", ASK)
@pytest.mark.parametrize(
    ("line", "word"), [("wd sna", "snapshot"), ("wd restart sh", "shop"), ("wd run fro", "frozen-server")]
)
def test_a_shell_completes_commands_services_and_runbooks(shell: str, line: str, word: str, shop: Shop) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    assert word in proposed(shell, line, shop)
