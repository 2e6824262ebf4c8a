"""Every server on this machine, with no configuration at all."""

from __future__ import annotations

from watchdog.model.process import Tree
from watchdog.targets import programs
from watchdog.targets.scene import Scene
from watchdog.targets.trees import grow_in


def python_servers(scene: Scene | None = None) -> tuple[Tree, ...]:
    """Whatever listens on TCP and runs Python, by port."""
    return tuple(tree for tree in all_servers(scene) if runs_python(tree))


def all_servers(scene: Scene | None = None) -> tuple[Tree, ...]:
    """Whatever listens on TCP and can be seen, by port; one tree a server. Not this very process."""
    scene = scene or Scene.look()
    trees: list[Tree] = []
    for group in listening_groups(scene):
        if any(group <= set(tree.pids) for tree in trees):
            continue
        tree = grow_in(scene, group)
        inside = set(tree.pids)
        trees = [other for other in trees if not set(other.pids) <= inside]
        trees.append(tree)
    return tuple(sorted(trees, key=lambda tree: (tree.ports, tree.root.pid)))


def listening_groups(scene: Scene) -> list[frozenset[int]]:
    """Processes that hold the same listening socket, socket by socket; who only keeps it for them is left out."""
    scene.know({pid for one in scene.listeners for pid in one.holders})
    groups: dict[frozenset[int], None] = {}
    for listener in scene.listeners:
        holders = frozenset(pid for pid in listener.holders if scene.alive(pid))
        usable = frozenset(pid for pid in holders if not scene.why_barred(pid))
        if usable or holders:
            groups[usable or holders] = None
    return list(groups)


def runs_python(tree: Tree) -> bool:
    """Whether its root, or the holder of its socket, runs a Python interpreter; or a part of it without a terminal."""
    return any(
        programs.is_python(member.process)
        and (member.ports or member is tree.members[0] or not member.process.terminal)
        for member in tree.members
    )
