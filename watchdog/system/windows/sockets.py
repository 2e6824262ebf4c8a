"""Connections of Windows: their queues and the ages of their data are not told."""

from __future__ import annotations

from collections.abc import Iterable

from watchdog.model.open_files import Connection
from watchdog.system.portable.sockets import unix_sockets
from watchdog.system.process import processes
from watchdog.system.windows import accounts, tcp_table

__all__ = ["connections", "is_ours_or_roots", "unix_sockets"]


def is_ours_or_roots(port: int, peer_port: int) -> bool:
    """Whether the other end of a local connection is a process of our own user, or of Windows itself."""
    for one in tcp_table.rows():
        if (one.local.port, one.remote.port) == (peer_port, port):
            found = processes.read(one.pid)
            return found is not None and found.uid in (accounts.our_id(), 0)
    return False


def connections(pids: Iterable[int], ports: Iterable[int], owners: dict[int, int]) -> tuple[Connection, ...]:
    """What touches the ports, or is held by the processes."""
    wanted, held = frozenset(ports), frozenset(pids)
    return tuple(
        Connection(
            pid=one.pid or None,
            local=str(one.local),
            remote=str(one.remote),
            state=one.state,
            unread=0,
            unsent=0,
            inode=0,
            served=one.local.port in wanted,
        )
        for one in tcp_table.rows()
        if one.state not in ("LISTEN", "") and (one.pid in held or one.local.port in wanted)
    )
