"""Python programs that run for long and listen nowhere: queue workers, schedulers, scripts, children on pipes."""

from __future__ import annotations

from collections.abc import Collection

from watchdog.model.process import Process, Tree
from watchdog.system import clock
from watchdog.targets import borders, programs
from watchdog.targets.frameworks import runs_until_ended
from watchdog.targets.scene import Scene
from watchdog.targets.trees import grow_in

LONG = 30.0  # seconds after which a program of no known framework is not a short command any more


def without_port(scene: Scene, listed: Collection[int], long: float = LONG) -> tuple[Tree, ...]:
    """One tree a program, the oldest first. `listed`: processes of the servers that listen."""
    scene.know(pid for pid, one in scene.table.items() if not one.kernel)
    taken, found = set(listed), []
    for pid in sorted(scene.table, key=lambda pid: (scene.table[pid].identity.ticks, pid)):
        if pid in taken or not scene.alive(pid) or not _is_meant(scene, pid, long):
            continue
        tree = grow_in(scene, (pid,))
        taken.update(tree.pids)
        if tree.members and not tree.listeners:
            found.append(tree)
    return tuple(found)


def _is_meant(scene: Scene, pid: int, long: float) -> bool:
    process = scene.process(pid)
    if not programs.is_python(process) or programs.is_tracker(process) or is_wd(process) or scene.why_barred(pid):
        return False
    if runs_until_ended(process):
        return True
    return clock.now() - process.started >= long and not (process.terminal or _is_command(scene, process))


def is_wd(process: Process) -> bool:
    """Whether it is wd or one of its helpers, no matter who started it."""
    found = programs.program(process)
    path = found.words[0] if found.words else ""
    return found.name in ("wd", "wd-oncall") or found.name.startswith("watchdog.") or "/watchdog/system/" in path


def _is_command(scene: Scene, process: Process) -> bool:
    """Whether somebody works with it: code of a command line, tests, builds, an editor, or a shell waits for its end.

    A shell that the machine or a manager has started is a start script: what it runs is a service. A script in a file
    of its own is not a tool, whatever its name: `watch.py`, `batch.py`.
    """
    found = programs.program(process)
    tool = borders.why_not_entered(process) or borders.is_bystander(process)
    if found.inline or (tool and not found.name.endswith(".py")):
        return True
    shell = scene.table.get(process.parent)
    if shell is None or shell.pid == 1 or not borders.is_shell(scene.process(shell.pid)):
        return False
    above = scene.table.get(shell.parent)
    return above is not None and above.pid != 1 and borders.manager_kind(scene.process(above.pid)) is None
