"""Libraries that were installed beside the application are libraries: the guilty line is the application's."""

from __future__ import annotations

import os
import shutil
import socket
import sysconfig
from pathlib import Path

import pytest
import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER
from looks import ask_behind, line_of, look, said, stands_in

from watchdog.evidence.beside import Beside
from watchdog.model.causes import HEALTHY
from watchdog.system.process import rights

pytestmark = [
    NEEDS_RIGHT,
    NEEDS_TRACER,
]
SERVER = support.SERVERS / "vendored.py"
PACKAGES = ("flask", "werkzeug", "jinja2", "click", "itsdangerous", "markupsafe", "blinker", "urllib3")


def install(into: Path) -> None:
    """What `pip install --target` does: the packages and their metadata, out of this environment."""
    installed = Path(sysconfig.get_path("purelib"))
    into.mkdir(exist_ok=True)
    for name in PACKAGES:
        for found in (installed / name, *installed.glob(f"{name}-*.dist-info")):
            shutil.copytree(found, into / found.name, ignore=shutil.ignore_patterns("__pycache__"))


@pytest.mark.parametrize("vendor", ["vendor", "."])
@pytest.mark.parametrize(
    ("page", "function", "causes", "line"),
    [
        ("/peer", "readinto", {"external-wait"}, "return urllib3.PoolManager()"),
        ("/lock", "take_twice", {"lock-deadlock"}, "with stock, stock:"),
        ("/dates", "read_dates", {"busy-loop"}, "parse_date("),
    ],
)
def test_the_line_is_the_applications(
    tmp_path: Path, vendor: str, page: str, function: str, causes: set[str], line: str
) -> None:
    install(tmp_path / vendor)
    script = tmp_path / "server.py"
    shutil.copy(SERVER, script)
    with socket.create_server(("127.0.0.1", 0)) as peer:
        words = (str(script), "{port}", str(peer.getsockname()[1]), str(tmp_path / vendor))
        with support.running(*words, cwd=tmp_path) as server:
            ask_behind(server, page)
            support.wait_for(lambda: stands_in(server.pid, function), f"a thread in {function}")
            _, found = look(server)
            first = found.findings[0]
            assert first.cause in causes, said(found)
            assert first.culprit is not None and Path(first.culprit.file).name == "server.py", first.culprit
            assert abs(first.culprit.line - line_of(SERVER, line)) <= 1, first.culprit


def test_a_server_with_its_libraries_beside_it_is_healthy(tmp_path: Path) -> None:
    install(tmp_path / "vendor")
    with support.running(str(SERVER), "{port}", "9", str(tmp_path / "vendor")) as server:
        _, found = look(server, within=8.0)
        assert found.verdict in HEALTHY, said(found)


def test_what_no_record_names_is_the_applications_own(tmp_path: Path) -> None:
    (tmp_path / "flask" / "json").mkdir(parents=True)
    (tmp_path / "shop").mkdir()
    (tmp_path / "flask-3.0.dist-info").mkdir()
    (tmp_path / "flask-3.0.dist-info" / "RECORD").write_text("flask/__init__.py,,\n../bin/flask,,\nsix.py,,\n")
    seen = Beside()
    seen.meet(
        rights.of(os.getpid()), [str(tmp_path / "flask" / "json" / "tag.py"), str(tmp_path / "shop" / "views.py")]
    )
    assert [(one.folder, one.names) for one in seen.found] == [(str(tmp_path), {"flask", "six"})]
