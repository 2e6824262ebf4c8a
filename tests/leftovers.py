"""Ends what a test run left behind, also when it was interrupted or killed before its tests could end their servers.

A small process of its own waits until the run is gone. It then ends every process that still has the run's mark in its
environment, which a child inherits. A program with an environment made from nothing is not found; its test ends it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_NAME = "WD_TEST_RUN"
_LOOKS = 20  # a process may start another one while it is ended; after so many looks nothing new is expected


def watch_over_this_run() -> None:
    """Marks what this process starts from now on, and has it ended once this process is gone (Linux only)."""
    if not sys.platform.startswith("linux"):
        return
    environment = {key: value for key, value in os.environ.items() if key != _NAME}
    os.environ[_NAME] = f"{os.getpid()}-{time.monotonic_ns()}"
    subprocess.Popen(
        [sys.executable, "-I", __file__, str(os.getpid()), os.environ[_NAME]],
        env=environment,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _wait_until_gone(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        select.select([os.pidfd_open(pid)], [], [])


def _marked(mark: str) -> Iterator[int]:
    """A pidfd of each process with this mark; it is held before its environment is read, so no other one is hit."""
    wanted = f"{_NAME}={mark}".encode()
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            held = os.pidfd_open(int(place.name))
            if wanted in (place / "environ").read_bytes().split(b"\0"):
                yield held
            os.close(held)


def _end(mark: str) -> None:
    for _ in range(_LOOKS):
        found = False
        for held in _marked(mark):
            found = True
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(held, signal.SIGKILL)
        if not found:
            return
        time.sleep(0.1)


if __name__ == "__main__":
    _wait_until_gone(int(sys.argv[1]))
    _end(sys.argv[2])
