"""TCP ports of Windows. Only the listening sockets are asked for where only they count: a server has many others."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Iterable

from watchdog.model.process import Listener
from watchdog.system.portable.ports import accept_queue, lingering, listeners_elsewhere
from watchdog.system.windows import tcp_table
from watchdog.system.windows.tcp_table import Socket

__all__ = [
    "SERVERS_REUSE",
    "accept_queue",
    "connected",
    "holders",
    "lingering",
    "listeners",
    "listeners_elsewhere",
    "listening",
]

SERVERS_REUSE = False  # here it would let two servers have one port


def listeners(port: int | None = None) -> tuple[Listener, ...]:
    """Every listening socket, or those of one port, with the one holder that Windows names."""
    return tuple(
        Listener(one.local.port, one.local.address, _number(one), (one.pid,) if one.pid else (), 0, None)
        for one in tcp_table.rows(listening=True)
        if port in (None, one.local.port)
    )


def listening() -> tuple[Listener, ...]:
    """The same: the holder is told with the socket."""
    return listeners()


def holders(inodes: Collection[int], pids: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """Which of these processes have which of these sockets open."""
    asked = frozenset(pids)
    return {one.inode: one.holders for one in listeners() if one.inode in inodes and asked & set(one.holders)}


def connected(port: int) -> dict[int, int]:
    """Processes with open connections whose own end has this port, with how many."""
    return dict(
        Counter(
            one.pid
            for one in tcp_table.rows()
            if one.local.port == port and one.state in ("ESTABLISHED", "CLOSE_WAIT") and one.pid
        )
    )


def _number(one: Socket) -> int:
    """What tells a socket from others: Windows has no number for it."""
    return zlib.crc32(f"{one.local.address} {one.local.port} {one.pid}".encode()) | 1
