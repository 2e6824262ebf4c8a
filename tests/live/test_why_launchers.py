"""A launcher that was told to run one program and runs another one: seen without a playbook."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER
from looks import line_of, provoke, said, tree_of

from watchdog.diagnosis.diagnose import diagnose
from watchdog.evidence import gather
from watchdog.model.causes import HEALTHY
from watchdog.model.evidence import Configured
from watchdog.model.exits import Exit
from watchdog.model.finding import Diagnosis

pytestmark = [
    NEEDS_RIGHT,
    NEEDS_TRACER,
]
LAUNCHER = support.SERVERS / "launches.py"
FRONT = """
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Front(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/end":
            os._exit(3)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.path.basename(__file__).encode())

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Front).serve_forever()
"""


@contextmanager
def launched(folder: Path, way: str, settings: dict[str, str], *, dies: bool) -> Iterator[support.Server]:
    """A launcher with three programs in its folder; `dies`: the first one that it ran has ended."""
    (folder / "releases").mkdir()
    for name in ("server.py", "spare.py", "shop_front.py", "releases/old.py"):
        (folder / name).write_text(FRONT)
    (folder / "launch.json").write_text(json.dumps(settings))
    words = [str(LAUNCHER), "{port}", way, *(["server.py"] if way.startswith("argument") else [])]
    env = {"SHOP_SCRIPT": "server.py"} if way.startswith("variable") else {}
    with support.running(*words, cwd=folder, env=env) as server:
        if dies:
            before = set(tree_of(server).pids)
            provoke(f"{server.url}/end")
            support.wait_for(lambda: not support.alive(max(before - {server.pid})), "the first program ends")
            support.wait_for(lambda: support.connects(server.port), "the launcher starts the next program")
        yield server


def why(server: support.Server) -> Diagnosis:
    return diagnose(gather.gather(tree_of(server), Configured(), 12.0))


@pytest.mark.parametrize(
    ("way", "told_by", "line"),
    [
        ("settings", "launch.json", "script = another()"),
        ("variable", "the variable SHOP_SCRIPT", "script = another()"),
        ("argument", "its command line", "script = another()"),
        ("function", "launch.json", None),
    ],
)
def test_a_program_that_nobody_named_is_the_wrong_one(tmp_path: Path, way: str, told_by: str, line: str | None) -> None:
    settings = {} if way in ("variable", "argument") else {"script": "server.py"}
    with launched(tmp_path, way, settings, dies=True) as server:
        found = why(server)
        first = found.findings[0]
        assert (first.cause, found.exit) == ("wrong-program", Exit.CRITICAL), said(found)
        assert all(word in first.summary for word in (told_by, "server.py", "old.py")), first.summary
        assert first.culprit is not None
        assert line is None or first.culprit.line == line_of(LAUNCHER, line)


def test_a_fallback_that_the_launchers_code_names_is_a_warning(tmp_path: Path) -> None:
    with launched(tmp_path, "fallback", {"script": "server.py"}, dies=True) as server:
        found = why(server)
        assert (found.verdict, found.exit) == ("wrong-program", Exit.WARNING), said(found)


@pytest.mark.parametrize(
    ("way", "settings"),
    [
        ("settings", {"script": "server.py"}),
        ("faithful", {"script": "server.py", "report": "spare.py"}),
        ("faithful", {"name": "shop", "report": "spare.py"}),
        ("variable-faithful", {"report": "spare.py"}),
        ("argument-faithful", {"report": "spare.py"}),
        ("own-choice", {"report": "server.py"}),
    ],
)
def test_a_launcher_that_runs_what_it_was_told_is_healthy(tmp_path: Path, way: str, settings: dict[str, str]) -> None:
    with launched(tmp_path, way, settings, dies=False) as server:
        found = why(server)
        assert found.verdict in HEALTHY, said(found)
