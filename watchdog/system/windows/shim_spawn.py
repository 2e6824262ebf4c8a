"""Spawns a shim: an interpreter without a console, outside of our job, that calls us back on a socket of our own.

A client must show the key that only the new process got, on its standard input.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import socket
import subprocess
from collections.abc import Iterator

from watchdog.system.child import interpreter
from watchdog.system.clock import Deadline
from watchdog.system.shim.line import Line
from watchdog.system.signals import end_child
from watchdog.system.windows.accounts import base_environment

KEY = 32  # characters
_DETACHED = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
_PATIENCE = 1.0  # seconds for one caller to show its key


@contextlib.contextmanager
def spawned(service: str, within: float) -> Iterator[Line]:
    """The line to a new shim. OSError if the system refuses it; closing the line is the caller's task."""
    key = secrets.token_hex(KEY // 2)
    with socket.create_server(("127.0.0.1", 0)) as post:
        shim = _started(service)
        try:
            assert shim.stdin is not None
            with shim.stdin:
                shim.stdin.write(json.dumps({"port": post.getsockname()[1], "key": key}).encode() + b"\n")
            line = Line(_called(post, key, within))
            yield line
        except BaseException:
            end_child(shim)
            raise
    shim.returncode = 0  # it lives on: nobody waits for it


def _started(service: str) -> subprocess.Popen[bytes]:
    words = interpreter.command("watchdog.system.shim.program:main", "--service", service)
    for flags in (_DETACHED | subprocess.CREATE_BREAKAWAY_FROM_JOB, _DETACHED):
        try:
            return subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=base_environment(),
                bufsize=0,
                creationflags=flags,
            )
        except PermissionError:  # our job lets nobody out: then the shim ends with it
            continue
    raise OSError("Windows does not let a process be started here")


def _called(post: socket.socket, key: str, within: float) -> socket.socket:
    deadline = Deadline(within)
    while not deadline.over:
        post.settimeout(max(0.01, deadline.left))
        try:
            caller, _ = post.accept()
        except TimeoutError:
            break
        caller.settimeout(min(_PATIENCE, max(0.01, deadline.left)))
        with contextlib.suppress(OSError):
            if hmac.compare_digest(caller.recv(KEY, socket.MSG_WAITALL), key.encode()):
                caller.settimeout(None)
                return caller
        caller.close()
    raise TimeoutError(f"the shim was not there within {within:g} s")
