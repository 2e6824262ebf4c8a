"""Follows a child of ours to its end, and reads what it prints: in threads, for Windows cannot wait for a pipe."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

# The terminal's Ctrl-C does not reach it, and no window opens.
ALONE: dict[str, Any] = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
# Without it no interpreter starts: it finds its random numbers by it.
NEEDED = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
_PIECE = 65536
_LAST_WORDS = 0.2  # seconds for the rest of the output of a child that has ended


def follow(child: subprocess.Popen[bytes], take: Callable[[bytes], object], end: float) -> bool:
    """Give `take` what it prints until it has ended; False when the moment `end` came first."""
    pipe = child.stdout
    assert pipe is not None

    def read() -> None:
        try:
            while piece := pipe.read(_PIECE):
                take(piece)
        except (OSError, ValueError):  # closed by us
            return

    reader = threading.Thread(target=read, daemon=True, name="wd-output")
    reader.start()
    try:
        child.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    reader.join(_LAST_WORDS)  # what it left in the background may hold the pipe open for ever
    return True


def drain(child: subprocess.Popen[bytes], take: Callable[[bytes], object]) -> None:
    """The reading thread has had it all. The pipe is left to it: closing it would wait for the thread."""
