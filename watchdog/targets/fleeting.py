"""A server whose processes end sooner than they can be looked at: each forks the next one and ends.

The listening socket stays open and passes from one to the next. So the socket says which server it is, and one of its
processes, read while it lived, says what the server runs.
"""

from __future__ import annotations

from watchdog.model.process import Listener, Member, Process, Tree
from watchdog.system import clock
from watchdog.system.clock import Deadline
from watchdog.system.net import ports
from watchdog.system.process import descriptors, lineage, processes

_WITHIN = 3.0  # seconds to see one of them
_LAST_MOMENT = 0.2  # seconds that a process commonly needs at most from the loss of its memory to its end
_FEW = 32  # of the newest pids


def holder(port: int) -> list[Tree]:
    """The server on that port as one of its processes shows it, if nobody holds the port for long."""
    sockets = {one.inode: one for one in ports.listeners(port) if one.inode and _is_fleeting(one)}
    if not sockets:
        return []
    deadline, before, seen = Deadline(_WITHIN), lineage.newest_pid(), None
    while not deadline.over:
        before, since = lineage.newest_pid(), before
        for pid in range(before, max(since, before - _FEW), -1):
            process = processes.read(pid)
            if process is None or not descriptors.holds_socket(pid, sockets):
                continue
            seen = processes.with_commands([process], within=0.2).get(pid, process)
            if seen.cmdline:
                return [_tree(seen, sockets)]
    return [_tree(seen, sockets)] if seen else []


def ends_now(process: Process) -> bool:
    """Its memory is gone already, so that half of what was read of it is wrong. One that hangs in its end is none."""
    is_empty = not process.cmdline and process.exe is None and not process.rss and not process.kernel
    return is_empty and clock.wait_until(lambda: not processes.is_alive(process.identity), _LAST_MOMENT)


def _is_fleeting(listener: Listener) -> bool:
    holders = [one for pid in listener.holders if (one := processes.read(pid)) is not None]
    return not any(lineage.is_settled(one.identity.ticks) for one in holders)


def _tree(process: Process, sockets: dict[int, Listener]) -> Tree:
    return Tree(members=(Member(process, "main"),), listeners=tuple(sockets.values()))
