"""Spawns a shim: a bare interpreter in its own session, with one end of a line to us as its standard input."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator

from watchdog.system.child import interpreter
from watchdog.system.posix.accounts import PATH
from watchdog.system.shim.line import Line
from watchdog.system.signals import end_child


@contextlib.contextmanager
def spawned(service: str, within: float) -> Iterator[Line]:
    """The line to a new shim. On leaving, the starter must have handed over to the shim within `within` seconds.

    OSError if the system refuses it, TimeoutError if it did not hand over; closing the line is the caller's task.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        starter = subprocess.Popen(
            interpreter.command("watchdog.system.shim.program:main", "--service", service),
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": PATH},
            start_new_session=True,
        )
    try:
        yield Line(ours)
        try:
            starter.wait(within)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"the shim was not there within {within:g} s") from None
    finally:
        end_child(starter)
