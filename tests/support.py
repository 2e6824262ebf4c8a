"""Real servers for live tests: each on port 0, each ended by whoever started it, and nothing else."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

SERVERS = Path(__file__).parent / "servers"


def wait_for(condition: Callable[[], object], what: str, limit: float = 30.0) -> None:
    """Wait for a condition, never for a time; AssertionError with its name if it does not come true."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {limit:g} s"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat[stat.rindex(b")") + 2 : stat.rindex(b")") + 3] not in (b"Z", b"X")


def connects(port: int, address: str = "127.0.0.1") -> bool:
    try:
        socket.create_connection((address, port), 0.5).close()
    except OSError:
        return False
    return True


class Server:
    """One started program in a session of its own."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log
        self.url = f"http://127.0.0.1:{port}"

    @property
    def pid(self) -> int:
        return self.process.pid


def end_session(process: subprocess.Popen[bytes]) -> None:
    """End everything in the session that the test made for this process."""
    for _ in range(100):
        members = [pid for pid in _session_members(process.pid) if alive(pid)]
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.poll()
        if not members:
            break
        time.sleep(0.02)
    process.wait(10)


def _session_members(session: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            stat = (folder / "stat").read_bytes()
            fields = stat[stat.rindex(b")") + 2 :].split()
            if int(fields[3]) == session:
                found.append(int(folder.name))
    return found


@contextlib.contextmanager
def running(
    *argv: str,
    port: int | None = None,
    cwd: Path | None = None,
    log: Path | None = None,
    listening: bool = True,
    env: dict[str, str] | None = None,
    under: Sequence[str] = (),
) -> Iterator[Server]:
    """Run `python ARGV` in its own session; "{port}" in a word becomes the port. Waits until it listens.

    `under` is a command that starts it, as `unshare` does; the pid is then the command's.
    """
    port = port or free_port()
    words = [*under, sys.executable, *(word.replace("{port}", str(port)) for word in argv)]
    target = log or Path(os.devnull)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    with target.open("ab") as out:
        process = subprocess.Popen(
            words,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**kept, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
        )
    try:
        if listening:
            wait_for(lambda: connects(port) or process.poll() is not None, f"{words[1]} listens")
            assert process.poll() is None, f"{words} ended with {process.returncode}"
        yield Server(process, port, target)
    finally:
        end_session(process)
