"""Requests under way, and answers that go out: what the server's connections tell of its work. Only reads."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.model.open_files import Connection
from watchdog.model.process import Tree
from watchdog.system.net import sockets
from watchdog.system.process import descriptors


def in_flight(tree: Tree) -> int:
    """Requests that clients have sent and the server has not answered."""
    return sum(is_unanswered(one) for one in _served(tree))


def is_unanswered(one: Connection) -> bool:
    """Whether what a client sent last came in after what went out last."""
    came, went = one.received_ago, one.sent_ago
    # Where nothing was ever sent, the kernel's age of the last sending is that of the connection.
    return one.unread > 0 or (bool(one.received) and came is not None and (not one.sent or went is None or went > came))


def answered_within(tree: Tree, seconds: float) -> int:
    """Clients to whom the server has sent something in these last seconds, and who are still connected."""
    return sum(bool(one.sent) and one.sent_ago is not None and one.sent_ago < seconds for one in _served(tree))


def waits_for(tree: Tree) -> frozenset[str]:
    """Addresses to which the server is the client, and that have not replied to what it sent last."""
    return frozenset(one.remote for one in _connections(tree) if not one.served and one.pid and _has_no_reply(one))


def _has_no_reply(one: Connection) -> bool:
    if one.state == "SYN_SENT":
        return True
    came, went = one.received_ago, one.sent_ago
    asked = one.state == "ESTABLISHED" and bool(one.sent or one.unsent) and went is not None
    return asked and not one.unread and (not one.received or came is None or went is None or went < came)


def _served(tree: Tree) -> Iterator[Connection]:
    return (one for one in _connections(tree) if one.served and one.state == "ESTABLISHED")


def _connections(tree: Tree) -> tuple[Connection, ...]:
    owners = {one.inode: one.pid for pid in tree.pids for one in descriptors.of(pid, "socket") if one.inode}
    return sockets.connections(tree.pids, tree.ports, owners)
