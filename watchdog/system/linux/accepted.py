"""Which process has accepted a connection of ours, where several accept from one listening socket."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Collection

from watchdog.system.linux import descriptors, diag
from watchdog.system.net.connect import left

CAN_TELL = True

_ESTABLISHED = 1
_BETWEEN = 0.005  # seconds between two looks
_LOOKS = 5  # at the descriptors: the kernel makes the socket before the process has it


def only_by(pids: Callable[[], Collection[int]]) -> Callable[[socket.socket, float], bool]:
    """Waits until the other side of a connection is accepted, and tells whether one of these processes has it.

    TimeoutError when nobody has accepted it at the moment `end` of the monotonic clock.
    """

    def has_it(sock: socket.socket, end: float) -> bool:
        inode = _accepted(sock, end)
        for _ in range(_LOOKS):
            if any(descriptors.holds_socket(pid, (inode,)) for pid in pids()):
                return True
            time.sleep(_BETWEEN)
        return False

    return has_it


def _accepted(sock: socket.socket, end: float) -> int:
    """The inode of the other side. The kernel gives it one when a process accepts it."""
    ours, port = sock.getsockname()[1], sock.getpeername()[1]
    while True:
        for row in diag.rows({_ESTABLISHED}, port):
            if row.local_port == port and row.remote_port == ours and row.inode:
                return row.inode
        time.sleep(min(_BETWEEN, left(end)))
