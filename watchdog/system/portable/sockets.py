"""Connections through psutil: their queues and the ages of their data are not told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psutil

from watchdog.model.facts import UnixSocket
from watchdog.model.open_files import Connection


def is_ours_or_roots(port: int, peer_port: int) -> bool:
    """Whether the other end of a local connection is a process of our own user. It is not told here."""
    return False


def connections(pids: Iterable[int], ports: Iterable[int], owners: dict[int, int]) -> tuple[Connection, ...]:
    """What touches the ports, or is held by the processes."""
    wanted, held = frozenset(ports), frozenset(pids)
    try:
        found = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return ()
    return tuple(
        Connection(
            pid=one.pid,
            local=_text(one.laddr),
            remote=_text(one.raddr),
            state=one.status,
            unread=0,
            unsent=0,
            inode=0,
            served=one.laddr.port in wanted,
            received_ago=None,
            sent_ago=None,
            received=None,
            sent=None,
        )
        for one in found
        if one.laddr and one.raddr and (one.pid in held or one.laddr.port in wanted)
    )


def unix_sockets() -> dict[int, UnixSocket]:
    """Not told."""
    return {}


def _text(address: Any) -> str:
    return f"[{address.ip}]:{address.port}" if ":" in address.ip else f"{address.ip}:{address.port}"
