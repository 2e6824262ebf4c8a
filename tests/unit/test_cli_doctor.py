"""What `wd doctor` says of the Pythons that wd can look into."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from watchdog.cli.doctor import doctor
from watchdog.cpython.offsets import TABLE
from watchdog.model.selector import Selector
from watchdog.steps.spec import Context

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read on Linux only")


def test_the_versions_whose_inside_is_known_are_told(tmp_path: Path) -> None:
    context = Context(Selector(), lambda line: None, lambda question: False, tmp_path, tmp_path)
    row = next(row for row in doctor(context, {}).rows if row["name"] == "inside")
    assert row["there"]
    assert all(version in row["detail"] for version in TABLE)
