"""Who holds a port, without a look through the descriptors of everybody.

The kernel names the sockets of a port at once, and not who holds them. Those who may well hold one are read first:
Python servers, and leaders of a session. Once a holder of each socket is found, only those near it are read too: its
session and its group, those above and below it, and those that it was forked with. A process that holds the socket and
is none of these is not found. So this is only for a kill at once, which asks the kernel afterwards whether the socket
is gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from dataclasses import replace

from watchdog.model.process import Listener
from watchdog.system.net import ports
from watchdog.system.process import processes
from watchdog.system.process.table import Row
from watchdog.system.shim import posts

_LIKE_A_SERVER = re.compile(r"(python|pypy|gunicorn|uvicorn|hypercorn|daphne|granian|uwsgi|celery)", re.ASCII)


def listeners(port: int, rows: Mapping[int, Row], children: Callable[[int], Iterable[int]]) -> tuple[Listener, ...]:
    """Every listening socket; complete for who is near a holder of `port`. Holders of other ports may be missing."""
    found = ports.listening()
    asked_for = [one for one in found if one.port == port]
    if asked_for and all(one.holders for one in asked_for):
        return found  # this system says who holds a socket
    search = _Search(rows, {one.inode for one in found if one.inode})
    wanted = {one.inode for one in asked_for if one.inode}
    for pid in sorted(rows, key=lambda pid: _rank(rows[pid])):
        if search.held >= wanted:
            break
        search.read((pid,))
    if not search.held >= wanted:  # another user's, or a shim keeps it: the complete look says which
        return ports.listeners()
    near: set[int] = set()
    while more := _near(search.holders(wanted), rows, children) - near:
        search.read(more)
        near |= more
    return tuple(replace(one, holders=tuple(sorted(search.holders((one.inode,))))) for one in found)


class _Search:
    """What of these sockets each process holds, as far as it was looked at. A shim of ours serves nobody."""

    def __init__(self, rows: Mapping[int, Row], inodes: Collection[int]) -> None:
        self._inodes = inodes
        self._unread = {pid for pid, row in rows.items() if not row.kernel} - posts.holding()
        self._holders: dict[int, set[int]] = {}

    @property
    def held(self) -> Set[int]:
        return self._holders.keys()

    def read(self, pids: Iterable[int]) -> None:
        fresh = self._unread.intersection(pids)
        self._unread -= fresh
        for inode, holders in ports.holders(self._inodes, fresh).items():
            if holders:
                self._holders.setdefault(inode, set()).update(holders)

    def holders(self, inodes: Iterable[int]) -> set[int]:
        return {pid for inode in inodes for pid in self._holders.get(inode, ())}


def _rank(row: Row) -> tuple[bool, bool]:
    """The likelier, the smaller."""
    return not _LIKE_A_SERVER.match(row.name), row.session != row.pid


def _near(pids: Iterable[int], rows: Mapping[int, Row], children: Callable[[int], Iterable[int]]) -> set[int]:
    """These, those above them, those of their sessions, groups and memory layouts, and all descendants of those."""
    known = [rows[pid] for pid in pids if pid in rows]
    above = {one for row in known for one in processes.ancestors(rows, row.pid)}
    sessions, groups = {row.session for row in known}, {row.group for row in known}
    layouts = {row.layout for row in known} - {None}
    found = [
        pid for pid, row in rows.items() if row.session in sessions or row.group in groups or row.layout in layouts
    ]
    seen = {*found}
    for pid in found:
        for child in children(pid):
            if child not in seen:
                seen.add(child)
                found.append(child)
    return {pid for pid in seen | above if pid in rows}
