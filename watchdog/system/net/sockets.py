"""Connections of processes with their queues, local sockets, and short tries to reach a peer."""

from __future__ import annotations

import contextlib
import socket
import sys

from watchdog.model.facts import UnixSocket

if sys.platform == "linux":
    from watchdog.system.linux.sockets import connections, unix_sockets
elif sys.platform == "win32":
    from watchdog.system.windows.sockets import connections, unix_sockets
else:
    from watchdog.system.portable.sockets import connections, unix_sockets

__all__ = ["UnixSocket", "connections", "greeting", "is_local", "try_connect", "unix_sockets"]


def try_connect(host: str, port: int, timeout: float, hello: bytes = b"") -> str:
    """ "connects", "refuses", "silent" or "unknown": nothing is sent, the connection is closed at once.

    With a `hello` of the peer's own protocol it is sent, and the word is "answers" or "mute".
    """
    try:
        with socket.create_connection((host, port), timeout) as sock:
            if hello:
                return _says_hello(sock, hello)
    except ConnectionRefusedError:
        return "refuses"
    except TimeoutError:
        return "silent"
    except OSError:
        return "unknown"
    return "connects"


def greeting(host: str, port: int, timeout: float) -> bytes:
    """What it says by itself to its client, within so many seconds; nothing is sent."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout) as sock:
        return sock.recv(64)
    return b""


def _says_hello(sock: socket.socket, hello: bytes) -> str:
    try:
        sock.sendall(hello)
        return "answers" if sock.recv(64) else "connects"  # closed at once: no answer, and no silence either
    except TimeoutError:
        return "mute"
    except OSError:
        return "connects"


def is_local(host: str) -> bool:
    """Whether an address is this machine's: only then can we bind to it."""
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sock.bind((host, 0))
        return True
    return False
