"""Who the service is at this moment, and what else is to be seen of it beside its answers. Only reads."""

from __future__ import annotations

import time
from collections.abc import Iterable

from watchdog.model.errors import WdError
from watchdog.model.launching import ShimRecord
from watchdog.model.playbook import Playbook, ProbeSpec
from watchdog.model.process import Identity, Process, Tree
from watchdog.model.selector import Selector
from watchdog.policy.judge import Signs
from watchdog.policy.patience import STOPPING
from watchdog.probes import registry
from watchdog.system import clock
from watchdog.system.net import ports
from watchdog.system.process import processes, threads
from watchdog.system.shim import heard, records
from watchdog.targets import expected
from watchdog.targets.flight import answered_within
from watchdog.targets.resolve import look
from watchdog.targets.scene import Scene
from watchdog.text.units import counted
from watchdog.watch.watched import Watched

FRESH = 30.0  # seconds for which a tree is taken as it was found, while its first process lives
_SETTLED = 10.0  # seconds of age after which a first process does not go into the background any more
_NEARLY = 0.8  # of the time that the question waited: who has slept so long has done nothing for it


def refresh(watched: Watched, scene: Scene | None = None) -> Tree | None:
    """Look for the service's processes again. With a scene, one look at the machine serves many services."""
    try:
        started = records.running(watched.starts) if watched.starts else ()
        trees = look(Selector(service=watched.name), watched.playbook, scene, started).trees
    except WdError:
        return watched.tree  # the machine cannot be seen: what was known stays
    if not trees and _still_lives(watched):
        return watched.tree  # a command line could not be read in time: the process that it was is there
    tree = trees[0] if len(trees) == 1 else _listening(trees, watched.playbook)
    if tree is not None and _is_left_over(tree, watched):
        trees, tree = (), None
    strange = why_strange(tree, watched.playbook) if tree else ""
    with watched.lock:
        if trees:
            watched.last_members = watched.died_at = None
        elif watched.tree is not None or watched.last_members is None:
            watched.last_members = _dead(watched.tree)
        watched.tree, watched.looked_at, watched.wrong_program = tree, time.monotonic(), strange
    return tree


def _is_left_over(tree: Tree, watched: Watched) -> bool:
    """Whether these are only children of a program without a port whose first process has crashed: nothing gives them
    work any more. A program that went into the background has left its first process young, and with exit code 0."""
    if watched.playbook.find.port is not None or tree.listeners:
        return False
    record, root, before = _last_crash(watched), tree.root, watched.tree
    if record is not None and record.started <= root.started <= (record.ended or 0.0):
        return record.pid != root.pid
    if before is None or processes.is_alive(before.root.identity):
        return False
    children = {member.process.identity for member in before.members[1:]}
    return root.identity in children and clock.now() - before.root.started >= _SETTLED


def unseen_crash(watched: Watched) -> str:
    """How its last start ended, in a few words, where that was a crash in this boot and nothing of it runs now."""
    record = _last_crash(watched) if watched.tree is None else None
    if record is None or record.boot != processes.boot_id():
        return ""
    return f"pid {record.pid} ended before it was watched"


def _last_crash(watched: Watched) -> ShimRecord | None:
    """The last start, where it ended by a signal or with an error that nobody had announced."""
    record = records.last(watched.starts) if watched.starts else None
    ended = record is not None and record.ended is not None and not record.planned
    return record if record is not None and ended and (record.signal or record.code) else None


def _still_lives(watched: Watched) -> bool:
    """Whether the first process of a program without a port lives: whether it is found depends on its command line."""
    tree = watched.tree
    return tree is not None and watched.playbook.find.port is None and processes.is_alive(tree.root.identity)


def is_gone(tree: Tree, playbook: Playbook) -> bool:
    """Whether nothing of the tree lives and nobody has its port: told by a few files, without a look at the machine."""
    if any(processes.is_alive(member.process.identity) for member in tree.members):
        return False
    port = playbook.find.port
    return port is None or ports.accept_queue(port) is None


def nothing_left(watched: Watched) -> None:
    """What is known when the whole tree is gone."""
    with watched.lock:
        watched.last_members = _dead(watched.tree)
        watched.tree, watched.looked_at, watched.wrong_program = None, time.monotonic(), ""


def _dead(tree: Tree | None) -> frozenset[Identity]:
    """Of a tree that does not serve any more. A launcher that lives on has not ended."""
    members = tree.members if tree else ()
    return frozenset(one.process.identity for one in members if not processes.is_alive(one.process.identity))


def may_be_another(watched: Watched, *, comes_back: bool) -> bool:
    """Whether a good answer may come from processes that are not known yet: of those known to serve, none lives.

    Where none is known at all, only a service that `comes_back` is looked for: some are never seen from here.
    """
    tree = watched.tree
    return comes_back if tree is None else not any(processes.is_alive(one.identity) for one in serving(tree))


def current(watched: Watched, fresh: float = FRESH) -> Tree | None:
    """The tree, looked for again only when it is old, or when its first process is not there any more."""
    at = watched.looked_at
    alive = watched.tree is not None and processes.is_alive(watched.tree.root.identity)
    if at is not None and time.monotonic() - at < fresh and alive:
        return watched.tree
    return refresh(watched)


def _listening(trees: Iterable[Tree], playbook: Playbook) -> Tree | None:
    """Of several the one on the service's port; None where there is none, or no telling."""
    on_port = [tree for tree in trees if playbook.find.port in tree.ports]
    return on_port[0] if on_port else None


def why_strange(tree: Tree, playbook: Playbook) -> str:
    """Whether another program than the configured one is on the port, in a sentence."""
    if expected.is_run_by(tree, playbook) != "no":
        return ""
    there = next(iter(serving(tree)), tree.root)
    launcher = f" (under pid {tree.root.pid})" if there.pid != tree.root.pid else ""
    return f"another program runs there than {expected.of(playbook)}: pid {there.pid}{launcher}, {there.shown(120)}"


def watched_processes(tree: Tree) -> tuple[Identity, ...]:
    """Whose end matters at once: the first process, and those that serve."""
    leaves = {one.identity for one in serving(tree)}
    return tuple(dict.fromkeys((tree.root.identity, *leaves)))


def signs(watched: Watched, spec: ProbeSpec, waited: float, now: float) -> Signs:
    """What stands beside a failure. `waited` is how many seconds our question was open, `now` the wall's time.

    Cheap: a few files of /proc, and only after a failure.
    """
    tree = current(watched, fresh=spec.every * 3 + FRESH)
    queue = _queue(watched)
    if tree is None:
        return Signs(queue_grows=queue)
    leaves = serving(tree)
    return Signs(
        identity=str(tree.root.identity),
        age=max(0.0, now - tree.root.started),
        stopped=is_stopped(tree),
        still=waited > 0.2 and is_still(leaves, _NEARLY * waited),
        queue_grows=queue,
        alive=_life(watched, spec) or _serves_others(tree, waited),
    )


def is_stopped(tree: Tree) -> bool:
    """Whether the first process, or each one that serves, is stopped (by a signal)."""
    states = [one.state for leaf in serving(tree) if (one := processes.read(leaf.pid)) is not None]
    first = next((one for member in tree.members if (one := processes.read(member.process.pid)) is not None), None)
    return (first is not None and first.state == "T") or (bool(states) and all(state == "T" for state in states))


def is_stopping(tree: Tree) -> bool:
    """Whether the server has told its shim that it stops, and may still be at it."""
    said = heard.read(tree.root.parent)
    return bool(said and said.stopping and time.monotonic() - said.stopping < STOPPING)


def runs_nowhere(watched: Watched) -> bool:
    """Whether no process of it runs and nobody has its port, after a look that found the machine readable."""
    port = watched.playbook.find.port
    gone = watched.tree is None and watched.last_members is not None
    return gone and (port is None or ports.accept_queue(port) is None)


def is_certainly_down(watched: Watched) -> bool:
    """Whether it cannot serve, however much time it gets: nothing of it runs, or it is stopped."""
    tree = watched.tree
    if tree is None:
        return watched.last_members is not None
    return not processes.is_alive(tree.root.identity) or is_stopped(tree)


def is_still(leaves: Iterable[Process], seconds: float) -> bool:
    """Whether not one thread of the processes that serve has run for so long.

    A server that waits for a disk is not counted: that is the machine's trouble. Where the kernel does not tell since
    when a thread sleeps, the answer is no.
    """
    seen = False
    for leaf in leaves:
        for thread in threads.look(leaf.pid):
            seen = True
            if thread.state not in "St" or thread.asleep is None or thread.asleep < seconds:
                return False
    return seen


def serving(tree: Tree) -> tuple[Process, ...]:
    """The processes that serve: those of the tree that hold its sockets, without masters above others of them."""
    holders = {pid for listener in tree.listeners for pid in listener.holders} or set(tree.pids)
    parents = {member.process.parent for member in tree.members if member.process.pid in holders}
    return tuple(
        member.process for member in tree.members if member.process.pid in holders and member.process.pid not in parents
    )


def _queue(watched: Watched) -> bool:
    """Whether more connections wait than at the look before."""
    port = watched.playbook.find.port
    found = ports.accept_queue(port) if port else None
    before, watched.queue = watched.queue, found[0] if found else 0
    return 0 < before < watched.queue


def _serves_others(tree: Tree, waited: float) -> str:
    """Whether somebody else was answered while we waited in vain: then it works, and we stood in a queue."""
    others = answered_within(tree, _NEARLY * waited)
    return f"it has answered {counted(others, 'other client')} meanwhile" if others else ""


def _life(watched: Watched, spec: ProbeSpec) -> str:
    """Whether another probe got an answer from the server itself since this one began to fail."""
    since = watched.state(spec.name).failing_since
    if since is None:
        return ""
    for other in watched.playbook.probes:
        if other.name == spec.name or not registry.answers(other.kind):
            continue
        last = watched.latest.get(other.name)
        if last and last.verdict in ("ok", "slow") and watched.asked_at.get(other.name, 0.0) > since:
            return f"it answers the probe {other.name}"
    return ""
