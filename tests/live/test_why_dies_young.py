"""Children that die before anybody sees them, and children that are replaced by design."""

from __future__ import annotations

from pathlib import Path

import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER
from looks import ask_behind, line_of, look, said

pytestmark = [NEEDS_RIGHT, NEEDS_TRACER]
SERVER = support.SERVERS / "dies_young.py"


def test_children_that_die_at_once_again_and_again_are_a_crash_loop_at_the_line_of_their_error(tmp_path: Path) -> None:
    with support.running(str(SERVER), "{port}", "table", log=tmp_path / "server.log") as server:
        ask_behind(server, "/health")
        _, found = look(server)
        first = found.findings[0]
        assert first.cause == "crash-loop", said(found)
        assert first.culprit is not None
        assert first.culprit.line == line_of(SERVER, "return [int(one)")


def test_children_that_serve_for_a_while_and_are_replaced_are_healthy(tmp_path: Path) -> None:
    with support.running(str(SERVER), "{port}", "shifts", log=tmp_path / "server.log") as server:
        _, found = look(server, within=8.0)
        assert found.verdict in ("healthy", "healthy-busy"), said(found)
