"""Connections that a pool has lent, and that a variable of the application keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER
from looks import ask_behind, blames, look, provoke, said

pytest.importorskip("sqlalchemy", reason="needs the extra store")
pytestmark = [NEEDS_RIGHT, NEEDS_TRACER]
SERVER = support.SERVERS / "lent.py"


def test_the_line_that_keeps_what_a_pool_has_lent_is_to_blame_for_the_empty_pool(folder: Path) -> None:
    with support.running(str(SERVER), "{port}", "kept", str(folder / "desk.db")) as server:
        for _ in range(3):
            provoke(f"{server.url}/go")
        _, found = look(server)
        blames(found, "pool-exhausted", SERVER, "self.open[self.last] = order")
        assert "3 of type Session are kept in open" in found.findings[0].summary


@pytest.mark.parametrize(("way", "times"), [("closed", 4), ("few", 2)])
def test_a_pool_with_a_place_left_is_healthy(way: str, times: int, folder: Path) -> None:
    with support.running(str(SERVER), "{port}", way, str(folder / "desk.db")) as server:
        for _ in range(times):
            provoke(f"{server.url}/go")
        _, found = look(server, within=8.0)
        assert found.verdict == "healthy", said(found)


def test_a_pool_whose_connections_come_back_in_time_is_not_blamed_on_a_line_that_keeps_them(folder: Path) -> None:
    with support.running(str(SERVER), "{port}", "slow", str(folder / "desk.db")) as server:
        ask_behind(server, "/go", times=3)
        _, found = look(server, within=15.0, limit=10.0)
        assert found.verdict in ("healthy", "healthy-but-slow"), said(found)
