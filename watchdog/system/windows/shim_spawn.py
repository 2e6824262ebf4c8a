"""Spawns a shim: an interpreter without a console, outside of our job, that calls us back on a socket of our own.

A client must show the key that only the new process got, on its standard input.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import select
import socket
import subprocess
from collections.abc import Callable, Iterator

from watchdog.system.child import interpreter
from watchdog.system.clock import Deadline
from watchdog.system.shim.line import Line
from watchdog.system.signals import end_child
from watchdog.system.windows.accounts import base_environment

KEY = 32  # characters
_DETACHED = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
_PAUSE = 0.2  # seconds between two looks whether the shim has ended
_MOST = 50  # callers that are listened to at once


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
            line = Line(called(post, key, within, lambda: shim.poll() is not None))
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


def called(post: socket.socket, key: str, within: float, ended: Callable[[], bool] = lambda: False) -> socket.socket:
    """The first caller who shows the key. A caller that says nothing keeps nobody waiting.

    TimeoutError if nobody has shown it in time, EOFError as soon as whoever has the key `ended`.
    """
    deadline = Deadline(within)
    said: dict[socket.socket, bytes] = {}
    try:
        while not deadline.over:
            ready, _, _ = select.select([post, *said], (), (), min(_PAUSE, deadline.left))
            if not ready and ended():
                raise EOFError("it ended at once")
            for one in ready:
                if one is post:
                    said[post.accept()[0]] = b""
                elif _listen(one, said) and hmac.compare_digest(said[one], key.encode()):
                    del said[one]
                    return one
            for one in list(said)[:-_MOST]:
                said.pop(one)
                one.close()
    finally:
        for one in said:
            one.close()
    raise TimeoutError(f"the shim was not there within {within:g} s")


def _listen(caller: socket.socket, said: dict[socket.socket, bytes]) -> bool:
    """Whether the caller has said as much as a key is long. Who goes away is forgotten."""
    try:
        piece = caller.recv(KEY - len(said[caller]))
    except OSError:
        piece = b""
    if not piece:
        said.pop(caller)
        caller.close()
        return False
    said[caller] += piece
    return len(said[caller]) == KEY
