"""May this be ended? Pure answers: empty for yes, else a sentence that says who is protected and why."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from watchdog.model.process import Process, Tree
from watchdog.model.records import record
from watchdog.system.host import accounts
from watchdog.system.process import processes, rights
from watchdog.system.process.table import Row
from watchdog.targets import expected

MOST = 3  # servers that one run may end, unless a person says otherwise


@record(frozen=True)
class Ourselves:
    """What must survive because we stand on it."""

    pid: int
    ancestors: frozenset[int]
    session_leader: int
    uid: int
    pid_namespace: int | None = None


def ourselves(table: Mapping[int, Process] | None = None) -> Ourselves:
    """This process among all others. Without a table only those above it are read."""
    pid, table = os.getpid(), processes.one_by_one() if table is None else table
    me = table.get(pid)
    return Ourselves(
        pid=pid,
        ancestors=frozenset(processes.ancestors(table, pid)),
        session_leader=me.session if me else 0,
        uid=accounts.our_id(),
        pid_namespace=me.pid_namespace if me else None,
    )


def why_protected(process: Process | Row, us: Ourselves) -> str:
    """Why that process is never ended, no matter who asks and to what it belongs."""
    if process.pid <= 0:
        return "0 and negative numbers mean groups of processes"
    if process.pid == 1:
        return "it is the first process of this machine or container"
    if process.pid == us.pid:
        return "it is wd itself"
    if process.pid in us.ancestors:
        return "wd was started by it"
    if process.pid == us.session_leader:
        return "it leads the session that wd runs in"
    return "it is a thread of the kernel" if process.kernel else ""


def why_not_ours(process: Process, us: Ourselves, found_by_descent: bool = False) -> str:
    """Why wd has no business with that process: another user's without the right, or another container's.

    `found_by_descent`: a server may well have children in a namespace of their own, such as a browser's sandbox.
    """
    if us.uid not in (0, process.uid):
        return f"it belongs to user {process.user}. {rights.remedy(process.user)}"
    elsewhere = None not in (process.pid_namespace, us.pid_namespace) and process.pid_namespace != us.pid_namespace
    if elsewhere and not found_by_descent:
        return "it lives in another PID namespace (a container): act through the container's own tools"
    return ""


def tree_refusals(tree: Tree, us: Ourselves, *, managed: bool = False) -> tuple[str, ...]:
    """Every reason why this tree may not be ended, one sentence a process. `managed`: its manager will do it."""
    found = []
    for place, member in enumerate(tree.members):
        process = member.process
        if process.state == "X":
            continue  # it ended while the machine was looked at: nobody knows whose it was
        inside = managed or (place > 0 and member.role != "orphan")
        if reason := why_protected(process, us) or why_not_ours(process, us, inside):
            found.append(f"pid {process.pid} ({process.shown(80)}) is not ended: {reason}")
    return tuple(found)


def count_refusals(trees: Sequence[Tree], *, everything: bool, most: int = MOST, agreed: bool = False) -> str:
    """Too many servers at once. `everything`: --all was given; `agreed`: a person said yes to more than the cap."""
    if len(trees) > 1 and not everything:
        told = expected.what_differs(trees)
        return f"{len(trees)} servers match ({names(trees)}): {told or 'narrow the selector'}, or say --all"
    if len(trees) > most and not agreed:
        return f"{len(trees)} servers match, one run may end {most} at most: narrow the selector, or add --yes"
    return ""


def wrong_program(tree: Tree, is_expected: bool, expected: str, *, everything: bool) -> str:
    """Another program than the playbook's sits on the port."""
    if is_expected or everything:
        return ""
    return (
        f"pid {tree.root.pid} ({tree.root.shown(80)}) is not the configured program ({expected}): "
        "it is ended only with --all"
    )


def names(trees: Sequence[Tree]) -> str:
    """Several servers in words, not more than a line."""
    first = ", ".join(f"{tree.root.pid} {tree.root.shown(40)}" for tree in trees[:4])
    return first + (f" and {len(trees) - 4} more" if len(trees) > 4 else "")
