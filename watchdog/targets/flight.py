"""Requests under way: what a server was asked and has not answered yet. Only reads."""

from __future__ import annotations

from watchdog.model.process import Tree
from watchdog.system import descriptors, sockets


def in_flight(tree: Tree) -> int:
    """Requests that clients have sent and the server has not answered: what came in last came after what went out."""
    owners = {
        one.inode: one.pid for pid in tree.pids for one in descriptors.of(pid) if one.kind == "socket" and one.inode
    }
    count = 0
    for one in sockets.connections(tree.pids, tree.ports, owners):
        if not one.served or one.state != "ESTABLISHED":
            continue
        came, went = one.received_ago, one.sent_ago
        # Where nothing was ever sent, the kernel's age of the last sending is that of the connection.
        pending = bool(one.received) and came is not None and (not one.sent or went is None or went > came)
        count += one.unread > 0 or pending
    return count
