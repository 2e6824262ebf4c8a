"""The socket on which a server tells its shim how it is, as sd_notify(3) describes it.

An abstract socket: a server that runs as another user reaches it, and nothing is left behind. The kernel says who sent
each message. Linux alone does both; elsewhere there is no such socket, and its address is empty.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import struct
import sys
from collections.abc import Iterator

CAN_HEAR = sys.platform == "linux"
_LARGEST = 4096  # bytes of a message
_AT_ONCE = 64  # messages; more wait for the next turn
_CREDENTIALS = struct.Struct("3i")  # pid, user, group


class NotifySocket:
    """Of one shim, for all the lives of its service."""

    def __init__(self) -> None:
        self.address = ""  # for NOTIFY_SOCKET
        self._sock: socket.socket | None = None
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
                address = f"@wd-notify-{os.getpid()}-{secrets.token_hex(8)}"
                self._sock.bind(f"\0{address[1:]}")
                self.address = address

    def fileno(self) -> int:
        """-1 where there is none."""
        return self._sock.fileno() if self._sock is not None else -1

    def messages(self) -> Iterator[tuple[int, frozenset[str]]]:
        """(pid of the sender, its lines) of what has come. Descriptors that somebody sends along are closed."""
        for _ in range(_AT_ONCE if self._sock is not None and self.address else 0):
            try:
                text, extra, _, _ = self._sock.recvmsg(_LARGEST, socket.CMSG_SPACE(_CREDENTIALS.size))  # type: ignore[union-attr]
            except OSError:
                return
            yield _sender(extra), frozenset(text.decode("utf-8", "replace").splitlines())

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None


def _sender(extra: list[tuple[int, int, bytes]]) -> int:
    """0 where the kernel has not said it, or cannot: a process of another PID namespace."""
    if sys.platform == "linux":
        for level, kind, data in extra:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS) and len(data) >= _CREDENTIALS.size:
                return int(_CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0])
    return 0
