"""Fixtures of the live tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from watching import Home, home_in


@pytest.fixture
def home(folder: Path) -> Iterator[Home]:
    """A home for services and a loop; all of it is ended afterwards."""
    with home_in(folder) as made:
        yield made
