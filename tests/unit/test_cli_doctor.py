"""What `wd doctor` says of the Pythons that wd can look into."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from watchdog.cli.doctor import doctor
from watchdog.cpython.offsets import TABLE
from watchdog.model.selector import Selector
from watchdog.steps.spec import Context
from watchdog.system.host import abilities, accounts

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read on Linux only")


def test_the_versions_whose_inside_is_known_are_told(tmp_path: Path) -> None:
    context = Context(Selector(), lambda line: None, lambda question: False, tmp_path, tmp_path)
    row = next(row for row in doctor(context, {}).rows if row["name"] == "inside")
    assert row["there"]
    assert all(version in row["detail"] for version in TABLE)


@pytest.mark.parametrize(("code", "there"), [(0, True), (1, False)])
def test_a_manager_counts_only_if_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, there: bool
) -> None:
    for name in ("systemctl", "docker"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho Cannot connect to {name} >&2\nexit {code}\n")
        program.chmod(0o755)
    monkeypatch.setattr(accounts, "PATH", f"{tmp_path}:/usr/bin:/bin")
    found = {one.name: one for one in abilities.all_abilities()}
    for name in ("systemctl", "docker"):
        assert found[name].there is there
        assert there or f"Cannot connect to {name}" in found[name].detail
