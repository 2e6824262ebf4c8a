"""TCP sockets through psutil: the same functions as `linux/diag.py`."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Collection, Iterable
from typing import Any

import psutil

from watchdog.model.process import Listener

SERVERS_REUSE = True  # servers set SO_REUSEADDR here
_ERRORS = (psutil.Error, OSError, ValueError)


def listeners(port: int | None = None) -> tuple[Listener, ...]:
    """Listening TCP sockets with the one holder that the system names; accept queue and backlog are not told."""
    try:
        connections = psutil.net_connections("tcp")
    except _ERRORS:
        return ()
    return tuple(
        Listener(one.laddr.port, one.laddr.ip, _number(one), (one.pid,) if one.pid else (), 0, None)
        for one in connections
        if one.laddr and one.status == psutil.CONN_LISTEN and port in (None, one.laddr.port)
    )


def listening() -> tuple[Listener, ...]:
    """The same: the holder is told with the socket."""
    return listeners()


def holders(inodes: Collection[int], pids: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """Which of these processes have which of these sockets open."""
    asked = frozenset(pids)
    return {one.inode: one.holders for one in listeners() if one.inode in inodes and asked & set(one.holders)}


def listeners_elsewhere(port: int, pids: Iterable[int]) -> tuple[tuple[Listener, int], ...]:
    """These systems have no network namespaces."""
    return ()


def accept_queue(port: int) -> tuple[int, int | None] | None:
    """Not told by these systems."""
    return None


def connected(port: int) -> dict[int, int]:
    """Processes with open connections whose own end has this port, with how many."""
    found: dict[int, int] = {}
    with contextlib.suppress(psutil.Error, OSError):
        for one in psutil.net_connections("tcp"):
            if one.laddr and one.laddr[1] == port and one.status in ("ESTABLISHED", "CLOSE_WAIT") and one.pid:
                found[one.pid] = found.get(one.pid, 0) + 1
    return found


def lingering(port: int) -> str:
    """Which connections the kernel alone keeps is not told."""
    return ""


def _number(connection: Any) -> int:
    """What tells a socket from others, where the system has no number for it."""
    return zlib.crc32(f"{connection.laddr.ip} {connection.laddr.port} {connection.pid}".encode()) | 1
