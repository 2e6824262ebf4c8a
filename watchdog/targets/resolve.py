"""From what a person or a playbook wrote to the servers that are meant: whole trees, never single pids."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from watchdog.model.errors import CannotTell, WrongUsage
from watchdog.model.process import Identity, Tree
from watchdog.model.records import record
from watchdog.model.selector import Selector
from watchdog.system import clock
from watchdog.system.net import ports
from watchdog.targets import expected, fleeting, match, programs, servers
from watchdog.targets.named_ports import another_port, names_port
from watchdog.targets.scene import Scene
from watchdog.targets.trees import grow_in

if TYPE_CHECKING:
    from watchdog.model.playbook import Playbook

Known = Literal["named", "started"]
NEXT_LIFE = 3.0  # seconds: launchers commonly wait one or two between two starts
LIVES = 3  # so many are looked at, where each ends under the look


@record(frozen=True)
class Found:
    """The servers that were meant, and one sentence for each process that was near and is none of them."""

    trees: tuple[Tree, ...]
    left_out: tuple[str, ...] = ()


def resolve(
    selector: Selector, playbook: Playbook | None = None, started: Collection[Identity] = ()
) -> tuple[Tree, ...]:
    """The servers that the selector means now; empty where nothing does. An empty selector means nothing."""
    return look(selector, playbook, started=started).trees


def look(
    selector: Selector,
    playbook: Playbook | None = None,
    scene: Scene | None = None,
    started: Collection[Identity] = (),
) -> Found:
    """The same, with whom it left out of what the selector fits. A tree's own neighbours stand in `Tree.left_out`.

    With a playbook the port alone rules: another program on it is found, too, for the playbook's `find.cmdline` only
    says which one should be there. `started`: processes that wd has recorded as starts of this service, whatever they
    call themselves now. WrongUsage for a pattern that cannot be used, CannotTell where nothing can be seen.
    """
    wanted = _with_playbook(selector, playbook)
    if wanted.empty:
        return Found(())
    scene = scene or Scene.look()
    left_out: list[str] = []
    if playbook is not None and not (wanted.port or wanted.pid or selector.cmdline or selector.identities):
        trees = _grown(scene, _each(_instances(scene, playbook, started, left_out)))
    else:
        trees = _grown(scene, _groups(scene, wanted, left_out))
    if not trees and playbook is not None and playbook.find.port:
        trees = _not_listening(scene, playbook, started, left_out)
    if not trees and wanted.port:
        trees = _draining(scene, wanted.port)
    if not trees and wanted.port:
        trees = fleeting.holder(wanted.port)
    if not trees and wanted.port and (hints := _naming_port(scene, wanted.port)):
        trees = _between_two_lives(wanted) if playbook is None else []
        left_out += [] if trees else hints
    if playbook is not None:
        trees = [replace(tree, service=playbook.service) for tree in trees]
    if selector.hung:
        from watchdog.targets import answering  # here: only this question needs HTTP

        told = answering.ask_all(trees, answering.PATIENT, playbook.url if playbook else None)
        trees = [tree for tree, answer in zip(trees, told, strict=True) if answer == "hung"]
    return Found(tuple(trees), tuple(dict.fromkeys(left_out)))


def with_master(tree: Tree, pid: int) -> Tree:
    """The server of the master that forked this worker, where the worker alone was found: a queue's worker listens
    nowhere, and leads its own session now and then. Else the tree as it is."""
    if not tree.members or pid != tree.root.pid:
        return tree
    scene = Scene.look()
    parent = scene.table[pid].parent if pid in scene.table else 0
    if parent <= 1 or parent not in scene.table:
        return tree
    scene.know([pid, parent])
    if not programs.is_forked(scene.process(pid), scene.process(parent)):
        return tree
    found = grow_in(scene, [parent])
    return found if pid in found.pids else tree


def _with_playbook(selector: Selector, playbook: Playbook | None) -> Selector:
    """What the person wrote, narrowed by how the service is found: by its port, else by its program."""
    if playbook is None:
        if selector.service:
            raise WrongUsage(
                f"the service {selector.service!r} is not known", todo="Name it in a playbook of the home."
            )
        return selector
    rule = playbook.find
    if rule.port and selector.port and rule.port != selector.port:
        raise WrongUsage(f"the service {playbook.service!r} is found on port {rule.port}, not on {selector.port}")
    port = selector.port or rule.port
    if port or selector.cmdline:
        return replace(selector, port=port)
    return replace(selector, cmdline=rule.cmdline, regex=rule.regex, pid=selector.pid or rule.pid)


def _groups(scene: Scene, wanted: Selector, left_out: list[str]) -> list[frozenset[int]]:
    """Seeds of the trees: each group names processes of one server, at least."""
    tests: list[Callable[[], Iterable[int]]] = []
    if wanted.port:
        tests.append(lambda: _on_port(scene, int(wanted.port or 0), left_out))
    if wanted.identities:
        tests.append(lambda: _named(scene, wanted, left_out))
    if wanted.pid:
        tests.append(lambda: [wanted.pid] if wanted.pid and wanted.pid in scene.table else [])
    if wanted.cmdline:
        tests.append(lambda: _by_command(scene, wanted, left_out))
    if not tests and wanted.hung:
        return [frozenset(tree.pids) for tree in servers.python_servers(scene)]
    if not tests:
        return []
    groups = [frozenset({pid}) for pid in tests[0]()]
    # Several selectors narrow each other: what one names must be in a tree that the other named.
    for test in tests[1:]:
        others = frozenset(test())
        groups = [group for group in groups if others & set(grow_in(scene, group).pids)]
    return groups


def _grown(scene: Scene, groups: Sequence[frozenset[int]]) -> list[Tree]:
    """One tree a server, however many of its processes were named."""
    trees: list[Tree] = []
    for group in groups:
        if any(group <= set(tree.pids) for tree in trees):
            continue
        tree = grow_in(scene, group)
        pids = set(tree.pids)
        trees = [other for other in trees if not set(other.pids) <= pids]
        if tree.members:
            trees.append(tree)
    return trees


def _instances(
    scene: Scene, playbook: Playbook, started: Collection[Identity], left_out: list[str]
) -> dict[int, Known]:
    """The service's processes, and how each is known: by what `find.cmdline` names, or by how it was started.

    Started: recorded by a shim. The same words in another folder are another application.
    """
    found: dict[int, Known] = {}
    commands = [one for one in (playbook.start.command, playbook.start.fallback) if one]
    for rule in (playbook.find, *(Selector(cmdline=command) for command in commands)):
        for pid in _by_command(scene, rule, left_out) if rule.cmdline else ():
            process = scene.process(pid)
            if elsewhere := expected.other_application(process, playbook):
                left_out.append(f"pid {pid} ({process.shown(120)}) runs the same program {elsewhere}")
            else:
                found[pid] = "named"
    for identity in started:
        if scene.alive(identity.pid) and scene.table[identity.pid].identity == identity:
            found[identity.pid] = "started"
    return found


def _each(pids: Iterable[int]) -> list[frozenset[int]]:
    return [frozenset({pid}) for pid in sorted(pids)]


def _not_listening(scene: Scene, playbook: Playbook, started: Collection[Identity], left_out: list[str]) -> list[Tree]:
    """The service where nobody has its port: it hangs before it listens, or waits to start its server again.

    One that listens elsewhere, or is about to, is another instance and not meant, unless wd itself has started it.
    """
    found = _instances(scene, playbook, started, left_out)
    for pid, how in tuple(found.items()):
        words = scene.process(pid).words
        if how == "named" and not names_port(words, playbook.find.port or 0) and (other := another_port(words)):
            told = scene.process(pid).shown(120)
            left_out.append(f"pid {pid} ({told}) runs the same program and names another port, {other}")
            del found[pid]
    ours = {identity.pid for identity in started}
    trees = _grown(scene, _each(found))
    return [tree for tree in trees if not tree.listeners or ours & set(tree.pids)]


def _draining(scene: Scene, port: int) -> list[Tree]:
    """A server that has closed its port and still has clients on it: it ends, and waits for them.

    A client's own end may have any number: one connection alone proves a server only where the command line names the
    port.
    """
    found = ports.connected(port)
    scene.know(found)
    pids = [
        pid
        for pid, count in sorted(found.items())
        if pid in scene.table and (count > 1 or names_port(scene.process(pid).cmdline or (), port))
    ]
    return _grown(scene, _each(pid for pid in pids if not scene.why_barred(pid)))


def _on_port(scene: Scene, port: int, left_out: list[str]) -> list[int]:
    """Who listens there. Clients of the port hold other sockets and are never seen here."""
    here = [one for one in scene.listeners if one.port == port]
    for listener in here:
        if not listener.holders and listener.inode:
            left_out.append(
                f"a process of user id {listener.uid} listens on {listener.address} port {port}: "
                "more rights are needed to see which"
            )
    elsewhere = () if here and scene.of_port else ports.listeners_elsewhere(port, scene.table)
    for listener, pid in elsewhere:
        name = scene.process(pid).shown(120)
        holders = ", ".join(map(str, listener.holders)) or "unknown"
        left_out.append(
            f"pid {holders} listens on port {port} in another network namespace (a container, with pid {pid}: {name})"
        )
    holders_here = sorted({pid for one in here for pid in one.holders if pid in scene.table})
    scene.know(holders_here)
    holders_here = [pid for pid in holders_here if scene.alive(pid) and not fleeting.ends_now(scene.process(pid))]
    usable = [pid for pid in holders_here if not scene.why_barred(pid)]
    return usable or holders_here


def _naming_port(scene: Scene, port: int) -> list[str]:
    """Hints where nobody listens: a launcher between two starts, a server that hangs before it listens."""
    everybody = [
        pid for pid, one in scene.table.rows.items() if not one.kernel and scene.alive(pid) and pid not in scene.own
    ]
    return [
        f"pid {pid} ({process.shown(120)}) names port {port} and does not listen on it"
        for pid, process in scene.shown(everybody).items()
        if names_port(process.words, port)
    ]


def _between_two_lives(wanted: Selector) -> list[Tree]:
    """A server that dies and is started again and again listens only now and then: look at its next life.

    To ask whether anybody listens costs little, so that a short life is not missed; then it is looked at who it is. A
    life can end under that look, too: a few more are waited for.
    """
    for _ in range(LIVES):
        if not clock.wait_until(lambda: any(one.port == wanted.port for one in ports.listening()), NEXT_LIFE):
            return []
        scene = Scene.look_for(wanted.port or 0)
        if found := _grown(scene, _groups(scene, wanted, [])):
            return found
    return []


def _named(scene: Scene, wanted: Selector, left_out: list[str]) -> list[int]:
    """The very processes that were piped in: a pid that belongs to another by now is not taken."""
    found = []
    for identity in wanted.identities:
        process = scene.table.get(identity.pid)
        if process is not None and process.identity == identity:
            found.append(identity.pid)
        else:
            state = "has ended" if process is None else "has ended, its pid belongs to another process now"
            left_out.append(f"pid {identity.pid} of standard input {state}")
    return found


def _by_command(scene: Scene, wanted: Selector, left_out: list[str]) -> list[int]:
    everybody = [pid for pid, one in scene.table.rows.items() if not one.kernel and scene.alive(pid)]
    lines = scene.lines(everybody)
    unread = [pid for pid in everybody if lines[pid].words is None]
    if len(unread) == len(everybody):
        raise CannotTell(
            "No command line could be read.",
            "The process that reads them could not be started, or everything here is stuck.",
            "Name the server by its port or its pid.",
        )
    for one in (scene.table[pid] for pid in unread):
        left_out.append(f"pid {one.pid} ({one.name}, state {one.state}) does not let its command line be read")
    if wanted.regex:
        near = match.may_fit(wanted.cmdline[0], lines)
    else:
        near = [pid for pid, line in lines.items() if line.words is not None and match.may_mean(wanted.cmdline, line)]
    scene.know(near)
    asked = [scene.table[pid] for pid in near]
    if wanted.regex:
        found, named = match.by_pattern(wanted.cmdline[0], asked)
    else:
        found, named = match.by_words(wanted.cmdline, asked)
    left_out += named
    kept = []
    for process in found:
        if process.pid in scene.own:
            left_out.append(f"pid {process.pid} ({process.shown(120)}) is wd itself or what started it")
        else:
            kept.append(process.pid)
    return kept
