"""Where the system does not tell who has accepted a connection."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection

CAN_TELL = False


def only_by(pids: Callable[[], Collection[int]]) -> Callable[[socket.socket, float], bool]:
    """Says no of every connection: what cannot be told proves nothing."""
    return lambda sock, end: False
