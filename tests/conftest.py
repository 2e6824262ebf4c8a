"""Fixtures and marks that all tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below tests/live is live; a root test says why it is skipped for an ordinary user."""
    for item in items:
        if "live" in Path(str(item.fspath)).parts:
            item.add_marker(pytest.mark.live)
        if item.get_closest_marker("root") and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))
        if item.get_closest_marker("live") and not sys.platform.startswith("linux"):
            item.add_marker(pytest.mark.skip(reason="live tests read Linux's /proc"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that only its owner may read, as a home must be."""
    tmp_path.chmod(0o700)
    return tmp_path
