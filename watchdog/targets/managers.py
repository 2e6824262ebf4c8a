"""Who starts a server again when it dies: told from the chain of parents and the control group.

Which name the manager knows the server by is only shown here. Before it gets an order it is asked (`ownership`): what a
process says of itself, in its environment or its command line, can be forged.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from watchdog.model.process import Manager, Process
from watchdog.system.host import services
from watchdog.targets import borders, programs
from watchdog.targets.scene import Scene
from watchdog.text.regexes import regex

# They only change user, limits or surroundings and wait: what stands above them is the manager all the same.
_PASSED = frozenset(
    {"sudo", "su", "doas", "runuser", "setpriv", "chpst", "setuidgid", "softlimit", "envdir", "timeout"}
)
_CONTAINER = regex(r"(?:docker|libpod|cri-containerd|crio|lxc|containerd)?[-/:]?([0-9a-f]{64})(?:\.scope)?(?:/|$)")
_UNIT = regex(r"([^/]+\.service)(?:/|$)")
_USER_MANAGER = regex(r"user@(\d+)\.service")
_BY_FOLDER = frozenset({"runit", "s6", "daemontools"})


def manager(scene: Scene, root: int) -> Manager | None:
    """The manager right above this root; None if there is none, or if somebody in between keeps it from noticing."""
    process, below = scene.process(root), root
    for pid in scene.above(root):
        if pid not in scene.table:
            return None
        above = scene.process(pid)
        kind = borders.manager_kind(above)
        if kind:
            found = _named(kind, above, process, below)
            return replace(found, process=above, child=below) if found else None
        if pid == 1:
            return _of_first(process, scene)
        if _is_of_service(scene, pid):
            below = pid  # NSSM, WinSW and the like: the service's own program, which starts the server
            continue
        plain_shell = borders.is_shell(above) and above.terminal == 0
        if not plain_shell and programs.program(above).name not in _PASSED:
            return None
        below = pid
    return _of_container(process, scene)  # the first process of a container, seen from outside


def _is_of_service(scene: Scene, pid: int) -> bool:
    """Whether the manager of services has started this process."""
    parent = scene.table[pid].parent
    return parent in scene.table and borders.manager_kind(scene.process(parent)) == "service"


def _named(kind: str, above: Process, process: Process, below: int) -> Manager | None:
    if kind == "systemd":
        return _of_systemd(process)
    if kind in ("docker", "podman"):
        found = _CONTAINER.search(process.cgroup or "")
        in_pod = "kubepods" in (process.cgroup or "")
        return Manager("kubernetes" if in_pod else kind, found[1][:12] if found else "")
    if kind == "wd":
        return Manager("wd", shim_service(above))
    if kind == "service":
        return Manager(kind, _service_of(below))
    return Manager(kind, _folder(above) if kind in _BY_FOLDER else "")


def _service_of(pid: int) -> str:
    """The one service that a process is; empty if there are several, or it is not told."""
    with contextlib.suppress(OSError):
        found = services.names_of(pid)
        return found[0] if len(found) == 1 else ""
    return ""


def _folder(above: Process) -> str:
    """`runsv FOLDER`, `s6-supervise FOLDER`: each looks after the one service of that name."""
    named = [word for word in (above.cmdline or ())[1:] if not word.startswith("-")]
    return programs.last_part(named[0]) if named else ""


def _of_first(process: Process, scene: Scene) -> Manager | None:
    """A child of the machine's first process, or an orphan of a unit."""
    first = scene.process(1)
    return _of_systemd(process) if "systemd" in (first.name, programs.exe_name(first)) else None


def _of_systemd(process: Process) -> Manager | None:
    unit = unit_of(process.cgroup)
    if not unit:
        return None
    # A person's own manager is asked in another way than the machine's.
    return Manager("systemd-user" if _USER_MANAGER.search(process.cgroup or "") else "systemd", unit)


def _of_container(process: Process, scene: Scene) -> Manager | None:
    ours = next((scene.table[pid].cgroup for pid in scene.own if pid in scene.table), None)
    found = _CONTAINER.search(process.cgroup or "")
    return Manager("docker", found[1][:12]) if found and process.cgroup != ours else None


def user_of(cgroup: str | None) -> int | None:
    """Whose own systemd a control group belongs to; None for the machine's."""
    found = _USER_MANAGER.search(cgroup or "")
    return int(found[1]) if found else None


def unit_of(cgroup: str | None) -> str:
    """The systemd unit of a control group; empty for a login session and for none."""
    units = [unit for unit in _UNIT.findall(cgroup or "") if not _USER_MANAGER.fullmatch(unit)]
    return units[-1] if units else ""


def shim_service(shim: Process) -> str:
    """Which service wd's shim looks after, from its command line."""
    words = list(shim.cmdline or ())
    for at, word in enumerate(words[:-1]):
        if word == "--service":
            return words[at + 1]
    return ""
