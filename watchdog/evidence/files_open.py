"""Open descriptors of the server, with the other end of each pipe and socket, and the locks on its files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from watchdog.model.open_files import Connection, Descriptor, FileLock
from watchdog.model.process import Process
from watchdog.system.net import sockets
from watchdog.system.process import descriptors, filelocks, processes


def look(pids: Iterable[int], before: Sequence[Descriptor] = ()) -> tuple[Descriptor, ...]:
    """Every descriptor; pipes and local sockets with the pids at their other end.

    For those ends every process of the machine has to be gone through: where the pipes and sockets are the same as
    `before`, their ends are taken over.
    """
    found = descriptors.of_all(pids)
    known = {(one.pid, one.number, one.inode): one for one in before}
    if _channels(found) == _channels(before):
        return tuple(_as_before(one, known.get((one.pid, one.number, one.inode))) for one in found)
    return with_other_ends(found)


def _channels(found: Sequence[Descriptor]) -> set[tuple[int, int, int | None]]:
    return {(one.pid, one.number, one.inode) for one in found if one.inode is not None}


def _as_before(one: Descriptor, before: Descriptor | None) -> Descriptor:
    return one if before is None or one.inode is None else replace(before, writable=one.writable)


def with_other_ends(found: Sequence[Descriptor]) -> tuple[Descriptor, ...]:
    pipes = {one.inode for one in found if one.kind == "pipe" and one.inode is not None}
    ends = descriptors.holders(pipes) if pipes else {}
    local = sockets.unix_sockets() if any(one.kind == "socket" for one in found) else {}
    ours = {one.inode for one in found if one.kind == "socket"}
    peers = {local[inode].peer for inode in ours if inode in local and local[inode].peer}
    holders = descriptors.holders(peers, "socket") if peers else {}
    return tuple(_with_end(one, ends, local, holders) for one in found)


def _with_end(
    one: Descriptor,
    ends: dict[int, tuple[tuple[int, bool], ...]],
    local: dict[int, sockets.UnixSocket],
    holders: dict[int, tuple[tuple[int, bool], ...]],
) -> Descriptor:
    if one.kind == "pipe" and one.inode is not None:
        others = {pid for pid, writes in ends.get(one.inode, ()) if writes != one.writable}
        return replace(one, other_ends=tuple(sorted(others)))
    if one.kind == "socket" and one.inode in local:
        end = local[one.inode]
        name = end.name or (local[end.peer].name if end.peer in local else "")
        return replace(
            one,
            kind="unix",
            peer=f"unix:{name}" if name else None,
            unread=end.unread,
            other_ends=tuple(sorted({pid for pid, _ in holders.get(end.peer, ())})),
        )
    return one


def with_peers(found: Sequence[Descriptor], connections: Iterable[Connection]) -> tuple[Descriptor, ...]:
    """TCP sockets with the address that they are connected to."""
    remotes = {connection.inode: connection.remote for connection in connections if connection.inode}
    return tuple(
        replace(one, peer=remotes[one.inode]) if one.kind == "socket" and one.inode in remotes else one for one in found
    )


def locks(found: Sequence[Descriptor], known: dict[int, Process]) -> tuple[FileLock, ...]:
    """Locks on regular files that the server has open, no matter who holds them."""
    rows = filelocks.rows()
    if not rows:
        return ()
    paths: dict[int, str] = {}
    for pid in {one.pid for one in found}:
        files = {one.number: one.target for one in found if one.pid == pid and one.kind == "file"}
        paths.update(filelocks.inodes(pid, files))
    owners = {row.pid for row in rows if row.inode in paths and row.pid > 0} - known.keys()
    strangers = [process for process in map(processes.read, sorted(owners)) if process is not None]
    commands = {**known, **processes.with_commands(strangers, within=0.3)}
    return tuple(
        FileLock(
            path=paths[row.inode],
            pid=row.pid,
            owner=commands[row.pid].command if row.pid in commands else "",
            kind=row.kind,
            exclusive=row.exclusive,
            start=row.start,
            waiting=row.waiting,
        )
        for row in rows
        if row.inode in paths
    )
