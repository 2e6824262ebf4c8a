"""A new shim calls wd back with a key, however slow the machine is, and whoever else calls meanwhile."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator

import pytest

if sys.platform != "win32":
    pytest.skip("these are for Windows: sh tests/windows.sh runs them", allow_module_level=True)

from watchdog.system.windows import shim_spawn

KEY = "k" * shim_spawn.KEY
LONG = 60.0  # seconds, where a test fails


@pytest.fixture
def post() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


def call(post: socket.socket) -> socket.socket:
    return socket.create_connection(post.getsockname(), LONG)


def test_a_shim_that_shows_its_key_late_and_in_parts_is_heard(post: socket.socket) -> None:
    heard: list[socket.socket] = []
    waiting = threading.Thread(target=lambda: heard.append(shim_spawn.called(post, KEY, LONG)))
    with call(post) as silent, call(post) as wrong, call(post) as shim:
        waiting.start()
        wrong.sendall(b"w" * shim_spawn.KEY)
        waiting.join(1.5)  # longer than one caller was given once
        shim.sendall(KEY[:5].encode())
        waiting.join(0.5)
        shim.sendall(KEY[5:].encode())
        waiting.join(LONG)
        with heard[0] as line:
            assert line.getpeername() == shim.getsockname()
            silent.settimeout(LONG)
            assert silent.recv(1) == b""


def test_a_shim_that_ended_is_not_waited_for(post: socket.socket) -> None:
    with pytest.raises(EOFError, match="it ended"):
        shim_spawn.called(post, KEY, LONG, lambda: True)
