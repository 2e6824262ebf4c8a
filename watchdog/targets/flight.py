"""Requests under way, and answers that go out: what the server's connections tell of its work. Only reads."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.model.evidence import Connection
from watchdog.model.process import Tree
from watchdog.system.net import sockets
from watchdog.system.process import descriptors


def in_flight(tree: Tree) -> int:
    """Requests that clients have sent and the server has not answered: what came in last came after what went out."""
    count = 0
    for one in _served(tree):
        came, went = one.received_ago, one.sent_ago
        # Where nothing was ever sent, the kernel's age of the last sending is that of the connection.
        pending = bool(one.received) and came is not None and (not one.sent or went is None or went > came)
        count += one.unread > 0 or pending
    return count


def answered_within(tree: Tree, seconds: float) -> int:
    """Clients to whom the server has sent something in these last seconds, and who are still connected."""
    return sum(bool(one.sent) and one.sent_ago is not None and one.sent_ago < seconds for one in _served(tree))


def _served(tree: Tree) -> Iterator[Connection]:
    owners = {
        one.inode: one.pid for pid in tree.pids for one in descriptors.of(pid) if one.kind == "socket" and one.inode
    }
    for one in sockets.connections(tree.pids, tree.ports, owners):
        if one.served and one.state == "ESTABLISHED":
            yield one
