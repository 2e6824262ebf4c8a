"""Finishes a kill whose wd died in the middle of it: a separate program, run by the shim before it starts.

The tree as it was is lost with wd; what is left of it is known by the identities that were to end and by the inodes of
the listening sockets that they held.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection

from watchdog.killing.ladder import execute
from watchdog.killing.plan import make_plan
from watchdog.model.errors import WdError
from watchdog.model.process import Identity, Listener, Member, Process, Tree
from watchdog.policy import guards
from watchdog.system.child import interpreter
from watchdog.system.net import ports
from watchdog.system.process import processes

GRACE = 2.0  # seconds; the server has been without its wd for a while already


def command() -> list[str]:
    """The words that run `main`, for a shim that must finish what wd began."""
    return interpreter.command(f"{__name__}:main", light=False)


def main() -> None:
    """Reads {"doomed", "inodes", "ports"} from standard input; ends with 0 when nothing of them is left."""
    question = json.load(sys.stdin)
    try:
        doomed = [Identity.parse(text) for text in question["doomed"]]
        failed = finish(doomed, frozenset(question["inodes"]), question["ports"])
    except WdError as error:
        failed = ". ".join(error.lines())
    sys.stdout.write(failed)
    sys.exit(1 if failed else 0)


def finish(doomed: Collection[Identity], inodes: frozenset[int], of_ports: Collection[int]) -> str:
    """End what is left of them; empty, or why somebody or something still stands in the way of a new start."""
    table = processes.table()
    listeners = tuple(one for port in of_ports for one in ports.listeners(port) if one.inode in inodes)
    left = _left(doomed, listeners, table)
    if not left:
        return ""
    found = processes.with_commands(left)
    members = tuple(
        Member(found.get(one.pid, one), "main" if place == 0 else "child") for place, one in enumerate(left)
    )
    tree = Tree(members=members, listeners=listeners)
    us = guards.ourselves(table)
    plan = make_plan(tree, reason="the kill that was cut off", us=us, table=table, grace=GRACE)
    result = execute(plan, lambda text: None)
    return "" if result.outcome in ("done", "nothing") else result.message


def _left(doomed: Collection[Identity], listeners: Collection[Listener], table: dict[int, Process]) -> list[Process]:
    """Those of the doomed that live, everybody who holds their sockets, and the descendants of all; oldest first."""
    pids = {one.pid for one in doomed if processes.is_alive(one)}
    pids |= {pid for listener in listeners for pid in listener.holders}
    pids |= {below for pid in tuple(pids) for below in processes.descendants(table, pid)}
    known = [table[pid] for pid in pids if pid in table and not table[pid].ended]
    return sorted(known, key=lambda one: (one.identity.ticks, one.pid))
