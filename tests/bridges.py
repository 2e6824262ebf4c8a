"""A host for `wd sidecar` in tests: it starts the bridge, speaks with it with deadlines, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support import SERVERS, alive, wait_for

CHILD = str(SERVERS / "stdio_child.py")
WITHIN = 40.0  # seconds for one message on a busy machine


class Host:
    """The side that an editor or an MCP client has."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, headers: bool) -> None:
        self.process, self.folder, self.headers = process, folder, headers
        self._rest = b""
        self._number = 0
        self.over = False

    def send(self, **message: Any) -> None:
        text = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.write(b"Content-Length: %d\r\n\r\n%b" % (len(text), text) if self.headers else text + b"\n")

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def ask(self, method: str, **params: Any) -> int:
        self._number += 1
        self.send(id=self._number, method=method, params=params)
        return self._number

    def request(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a new request; what comes before it must be nothing else."""
        number = self.ask(method, **params)
        found = self.take()
        assert found.get("id") == number, found
        return found

    def take(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.take_bytes())
        return found

    def take_bytes(self) -> bytes:
        """The next message as it came, without its frame. EOFError at the end."""
        while (found := self._whole()) is None:
            data = self.read()
            if not data:
                self.over = True
                raise EOFError
            self._rest += data
        return found

    def read(self, within: float = WITHIN) -> bytes:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], within)
        assert ready, f"no byte from the bridge within {within:g} s; it said: {self.said()}"
        return os.read(self.process.stdout.fileno(), 1 << 16)

    def _whole(self) -> bytes | None:
        if not self.headers:
            line, newline, rest = self._rest.partition(b"\n")
            if not newline:
                return None
            self._rest = rest
            return line
        head, blank, rest = self._rest.partition(b"\r\n\r\n")
        size = int(re.search(rb"Content-Length: (\d+)", head)[1]) if blank else 0  # type: ignore[index]
        if not blank or len(rest) < size:
            return None
        self._rest = rest[size:]
        return rest[:size]

    def initialize(self) -> dict[str, Any]:
        found = self.request("initialize", capabilities={})
        self.send(method="notifications/initialized")
        return found

    def through(self, data: bytes) -> bytes:
        """Send all of it and our end of file, reading at the same time; everything that came back."""
        assert self.process.stdin is not None
        stdin = self.process.stdin

        def write() -> None:
            self.write(data)
            stdin.close()

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        got = []
        while piece := self.read():
            got.append(piece)
        writer.join(WITHIN)
        return b"".join(got)

    def end(self) -> int:
        """Close our end and wait for the bridge."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(WITHIN)

    def said(self) -> str:
        """What the bridge and the child printed on standard error."""
        return (self.folder / "stderr").read_text(encoding="utf-8", errors="replace")

    def lives(self) -> list[int]:
        """The pid of every child so far."""
        file = self.folder / "lives"
        return [int(word) for word in file.read_text().split()] if file.exists() else []

    def tree(self) -> list[int]:
        """The bridge and everything below it."""
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    found += [int(word) for word in task.read_text().split()]
        return found


@contextlib.contextmanager
def bridge(folder: Path, *command: str, options: tuple[str, ...] = (), headers: bool = False) -> Iterator[Host]:
    """`wd sidecar OPTIONS -- COMMAND` behind pipes of ours."""
    with (folder / "stderr").open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "watchdog.cli.main", "sidecar", *options, "--", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(home(folder)),
            start_new_session=True,
        )
    host = Host(process, folder, headers)
    try:
        yield host
    finally:
        tree = host.tree()
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]
        for pid in tree:
            if alive(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        process.wait(10)


def home(folder: Path) -> Path:
    """A home without a service, so that the journal of a test is its own."""
    found = folder / "home"
    (found / "playbooks").mkdir(parents=True, exist_ok=True)
    found.chmod(0o700)
    return found


def environment(home: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "WD_"))}
    return {**kept, "WD_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}


def child(folder: Path, *words: str) -> tuple[str, ...]:
    return (sys.executable, CHILD, str(folder), *words)


def all_gone(pids: list[int], limit: float = 30.0) -> None:
    wait_for(lambda: not [pid for pid in pids if alive(pid)], f"all of {pids} are gone", limit)
