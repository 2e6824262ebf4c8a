"""The shim of a server that has just ended waits a moment: the next start then needs no new interpreter.

An interpreter with all that a shim needs takes most of a tenth of a second to come up, and after a death every bit of
that is outage. The old shim is warm already and has nothing left to do. The caller must be of the same user: a start
never gets other rights than those of the one who asked for it.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

from watchdog.system.clock import wait_until
from watchdog.system.shim.line import Line

SECONDS = 2.0  # how long it waits
_READY_WITHIN = 0.05  # seconds: it sees the end when we do, and notes it first. A new one is there soon after that


def offer(folder: str) -> Line | None:
    """As a shim whose service has ended: wait for somebody who wants another start. None if nobody came.

    `folder`: only our own user may enter it. Not that of the records: a socket's name has a hundred characters at most.
    """
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as post:
        path = _path(folder, os.getpid())
        path.unlink(missing_ok=True)
        post.bind(str(path))
        try:
            post.settimeout(SECONDS)
            post.listen(1)
            caller, _ = post.accept()
        finally:
            path.unlink(missing_ok=True)
        caller.setblocking(True)
        return Line(caller)
    return None


def call(folder: str, shim_pid: int) -> Line | None:
    """The line to that shim, if it waits; None otherwise, after a twentieth of a second at most."""
    found: list[socket.socket] = []

    def reached() -> bool:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(str(_path(folder, shim_pid)))
        except OSError:
            sock.close()
            return False
        found.append(sock)
        return True

    with contextlib.suppress(OSError):
        wait_until(reached, _READY_WITHIN, 0.002)
    return Line(found[0]) if found else None


def sweep(folder: str, lives: Callable[[int], bool]) -> None:
    """Remove the sockets of shims that were killed while they waited: nobody else would."""
    with contextlib.suppress(OSError):
        for path in Path(folder).glob("shim-*"):
            number = path.name.removeprefix("shim-")
            if number.isdecimal() and not lives(int(number)) and path.is_socket():
                path.unlink(missing_ok=True)


def _path(folder: str, shim_pid: int) -> Path:
    return Path(folder) / f"shim-{shim_pid}"
