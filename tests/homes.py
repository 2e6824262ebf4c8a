"""A home with one playbook, its server, and `wd` as a person types it; for tests of the whole."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from printed import commands, misunderstood
from support import SERVERS, alive, connects, free_port, wait_for

from watchdog.journal.store import Journal

ROOT = Path(__file__).parents[1]
OWN_CODE = re.compile(rf'File \\?"{re.escape(str(ROOT / "watchdog"))}/')  # a line of a traceback, JSON or not
WD = (sys.executable, "-m", "watchdog.cli.main")
# A runbook of the main steps alone: evidence and cause are shown elsewhere, and take their time.
SHORT = """\
```wd timeout=30s on-fail=escalate
kill --grace 3s
```
```wd timeout=60s on-fail=stop
start
verify --healthy 2 --within 30s
```
"""


@dataclass(frozen=True)
class Done:
    """How a command of wd went."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What was listed: all lines but the result."""
        return [json.loads(line) for line in self.out.splitlines()[:-1]]

    @property
    def last(self) -> dict[str, Any]:
        """The result line."""
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found


def surroundings(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "WD_"))}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def answering_pid(port: int, path: str = "/health") -> int:
    """Who answers there; 0 if nobody does within two seconds."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as reply:
            return int(json.load(reply)["pid"])
    except (OSError, ValueError):
        return 0


def ask_without_waiting(port: int, path: str) -> None:
    def ask() -> None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60).close()

    threading.Thread(target=ask, daemon=True).start()


class Home:
    """A home in a folder of its own, and `wd` as a person types it there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("playbooks", "runbooks", "logs"):
            (folder / name).mkdir(0o700)

    def runbook(self, name: str, text: str) -> None:
        (self.folder / "runbooks" / f"{name}.md").write_text(text)

    def environment(self, *words: str) -> dict[str, str]:
        """Of the command of these words: it finds the home as at night, without being given it."""
        return surroundings(WD_HOME=str(self.folder))

    def wd(self, *words: str, stdin: str = "", env: Mapping[str, str] | None = None, limit: float = 120.0) -> Done:
        """One command, to its end. There is never a traceback."""
        argv = [*WD, *words]
        done = subprocess.run(
            argv, cwd="/", input=stdin, capture_output=True, text=True, timeout=limit,
            env={**self.environment(*words), **(env or {})}, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        assert not OWN_CODE.search(done.stdout), done.stdout  # wd may show the traceback of a server, never its own
        assert "defect" not in done.stderr, done.stderr
        if not {"json", "--help"} & {*words}:  # a page of help also names commands
            for line in commands(f"{done.stdout}\n{done.stderr}"):
                assert not misunderstood(line), f"wd proposes what it does not understand: {misunderstood(line)}"
        return Done(done.returncode, done.stdout, done.stderr)

    def begin(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """One command in a session of its own, under way."""
        argv = [*WD, *words]
        return subprocess.Popen(
            argv, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**self.environment(*words), **(env or {})}, start_new_session=True,
        )  # fmt: skip

    def journal(self) -> Journal:
        return Journal.open(self.folder / "logs")

    def incidents(self) -> list[dict[str, Any]]:
        """Newest first."""
        return self.wd("incidents", "list", "--all", "--limit", "100000", "-o", "json").rows


class Shop(Home):
    """A home with `shop`, the service of tests/servers/moody.py; its copy in the home has a command line of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        self.script = folder / "moody.py"
        self.script.write_bytes((SERVERS / "moody.py").read_bytes())
        self.runbook("short", SHORT)
        self.playbook()

    def playbook(
        self, *words: str, more: str = "", start: str = "", ready: str = "20s", health: str = "/health"
    ) -> None:
        """`words` go behind the server's port; `more` is YAML of its own, `start` YAML inside `start`."""
        command = json.dumps([sys.executable, str(self.script), str(self.port), *words])
        (self.folder / "playbooks" / "shop.yml").write_text(
            f"service: shop\nfind: {{port: {self.port}, cmdline: moody.py}}\n"
            f"start:\n  command: {command}\n  ready: {{within: {ready}}}\n{start}"
            f"probes: {{health: {{http: {health}, every: 1s, timeout: 1s, fails: 2}}}}\n{more}"
        )

    @contextlib.contextmanager
    def server(self, *words: str, script: Path | None = None, hung: bool = False) -> Iterator[subprocess.Popen[bytes]]:
        """The service, started by hand; with `hung` it no longer answers."""
        argv = [sys.executable, str(script or self.script), str(self.port), *words]
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, env=surroundings(PYTHONPATH=""),
        )  # fmt: skip
        try:
            wait_for(lambda: connects(self.port) or process.poll() is not None, "the server listens")
            assert process.poll() is None
            if hung:
                self.hang()
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait(10)

    def hang(self) -> None:
        ask_without_waiting(self.port, "/hang")
        wait_for(lambda: answering_pid(self.port) == 0, "it hangs")

    def copies(self) -> list[int]:
        """Every living process that runs the home's server."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if str(self.script).encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return sorted(pid for pid in found if alive(pid))

    def end_all(self) -> None:
        for _ in range(200):
            for pid in (left := self.copies()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if not left:
                return
            wait_for(lambda left=left: not any(alive(pid) for pid in left), "the servers of the home end")


@contextlib.contextmanager
def shop_in(folder: Path) -> Iterator[Shop]:
    """Every server of the home is ended afterwards, however it was started."""
    made = Shop(folder)
    try:
        yield made
    finally:
        made.end_all()
