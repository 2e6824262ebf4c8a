"""A server in a container (user, pid, mount and net namespaces, a root of its own): one verdict from both sides."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import support
from homes import WD, surroundings
from interpreters import NEEDS_RIGHT, NEEDS_TRACER

from watchdog.system.process import processes

APART = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount", "--net", "--kill-child")
SCRIPT = str(support.SERVERS / "contained.sh")
ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=2).read())"
NEEDED = ("unshare", "nsenter", "ip", "pivot_root")


def can_contain() -> bool:
    if not all(map(shutil.which, NEEDED)) or os.geteuid() != 0:
        return False
    return subprocess.run([*APART, "true"], capture_output=True, check=False).returncode == 0


pytestmark = [
    NEEDS_RIGHT,
    NEEDS_TRACER,
    pytest.mark.skipif(not can_contain(), reason="no right, or no tools, to make a container here"),
]


class Contained:
    """The server, by its pid on the host, and commands that run beside it, as `docker exec` runs them."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid, self.port = pid, port
        self.enter = ("nsenter", "-t", str(pid), "-U", "-p", "-m", "-n", "-r", "--preserve-credentials")

    def inside(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.enter, *words], cwd="/", env=surroundings(), capture_output=True, text=True, timeout=60, check=False
        )

    def answers(self, path: str = "/health") -> bool:
        return self.inside(WD[0], "-c", ASK, f"http://127.0.0.1:{self.port}{path}").returncode == 0

    def hang(self) -> None:
        """A question that is never answered is asked; nobody waits for it."""
        with subprocess.Popen([*self.enter, WD[0], "-c", ASK, f"http://127.0.0.1:{self.port}/go"], stderr=-3, cwd="/"):
            pass
        support.wait_for(lambda: not self.answers(), "it hangs")

    def from_outside(self) -> dict[str, Any]:
        return _last(subprocess.run(
            [*WD, "why", "--pid", str(self.pid), "-o", "json"], cwd="/", env=surroundings(), capture_output=True,
            text=True, timeout=60, check=False,
        ))  # fmt: skip

    def from_inside(self) -> dict[str, Any]:
        return _last(self.inside(*WD, "why", f":{self.port}", "-o", "json"))


def _last(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture
def contained(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Contained]:
    """The server with this fault, on the port that it has in its own network."""
    root = tmp_path / "root"
    root.mkdir()
    under = (*APART, "sh", SCRIPT, str(root))
    words = (str(support.SERVERS / "hangs.py"), "{port}", request.param)
    with support.running(*words, under=under, listening=False, log=tmp_path / "log") as server:
        found: list[int] = []

        def runs() -> bool:
            found[:] = processes.descendants(processes.table(), server.pid)
            return len(found) == 1 and Contained(found[0], server.port).answers()

        support.wait_for(runs, "the contained server answers")
        yield Contained(found[0], server.port)


@pytest.mark.parametrize(
    ("contained", "cause"),
    [("lock", "lock-deadlock"), ("spin", "busy-loop"), ("loop", "event-loop-blocked"), ("child", "child-wait")],
    indirect=["contained"],
)
def test_a_hang_in_a_container_has_one_cause_and_line_from_both_sides(contained: Contained, cause: str) -> None:
    contained.hang()
    outside, inside = contained.from_outside(), contained.from_inside()
    assert (outside["verdict"], inside["verdict"]) == (cause, cause), (outside, inside)
    lines = [one["findings"][0]["culprit"]["line"] for one in (outside, inside)]
    assert lines[0] == lines[1]


@pytest.mark.parametrize("contained", ["lock"], indirect=True)
def test_a_healthy_server_in_a_container_is_healthy_from_both_sides(contained: Contained) -> None:
    outside, inside = contained.from_outside(), contained.from_inside()
    assert (outside["verdict"], inside["verdict"]) == ("healthy", "healthy"), (outside, inside)


@pytest.mark.parametrize("contained", ["lock"], indirect=True)
def test_the_advice_inside_is_the_container_and_not_a_kill_that_would_be_refused(contained: Contained) -> None:
    contained.hang()
    told = contained.inside(*WD, "why", f":{contained.port}")
    assert "restart its container" in told.stdout and "wd kill" not in told.stdout, told.stdout
