"""Does the manager above a server keep it, and how is that very manager told to stop it?

Two managers of one kind may each have a program of the same name, and names, environments and command lines of a server
can be forged. So nothing here comes from the server. The manager is the server's own ancestor. Its control socket,
folder or configuration is read from that ancestor. It must run as root or as the caller, and nobody else may be able to
change what it is reached by. And it must itself name our process. What cannot be proven is refused.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from watchdog.model.killing import Argv, Orders, Ownership
from watchdog.model.process import Manager, Process, Tree
from watchdog.system.disk import trust
from watchdog.system.host import accounts, managers, services
from watchdog.system.net import ports, sockets
from watchdog.system.process import descriptors, processes
from watchdog.targets.managers import user_of

_WITHIN = 5.0  # seconds for one answer of a manager
_PLAIN = re.compile(r"[\w.@+-]+", re.ASCII)  # a name that no manager takes for a pattern or for an option
_UNIT = re.compile(r"\w[\w:.@\\-]*\.service", re.ASCII)
_ALIVE = re.compile(r"^(\S+)\s+(RUNNING|STARTING|STOPPING)\b(?:\s+pid (\d+),)?", re.MULTILINE)


class _NotProven(Exception):
    """Why the manager gets no order, and what a person may type; never leaves this file."""

    def __init__(self, why: str, typed: str = "") -> None:
        super().__init__(why)
        self.why, self.typed = why, typed


class _NotKept(Exception):
    """The manager has answered that another process is its service; never leaves this file."""


def ask(tree: Tree) -> Ownership:
    """Ask the manager above this server. Nothing is changed by it."""
    manager = tree.manager
    if manager is None or manager.kind == "wd":
        return Ownership()
    question = _QUESTIONS.get(manager.kind)
    if question is None:
        return Ownership(problem=f"{manager} would start it again at once: stop it with that manager's own command")
    try:
        _check_user(manager, tree)
        orders = question(manager, tree)
        _check_alone(manager, tree, orders)
    except _NotKept:
        return Ownership()
    except _NotProven as refusal:
        typed = f"; to stop it yourself: {refusal.typed}" if refusal.typed else ""
        return Ownership(problem=f"it is kept by {_shown(manager)}, and {refusal.why}{typed}")
    return Ownership(orders)


def _shown(manager: Manager) -> str:
    return f"{manager} (pid {manager.process.pid})" if manager.process else str(manager)


def _check_user(manager: Manager, tree: Tree) -> None:
    """With the rights of root only root is believed, never another user's process."""
    owner = user_of(tree.root.cgroup) if manager.kind == "systemd-user" else None
    if owner is None and manager.process:
        owner = manager.process.uid
    if owner in (None, 0, accounts.our_id()):
        return
    user = accounts.user_name(int(owner or 0))
    raise _NotProven(
        f"that runs as user {user}, which does not obey {accounts.user_name(accounts.our_id())}",
        shlex.join(("runuser", "-u", user, "--", "wd", "kill", "--pid", str(tree.root.pid))),
    )


def _check_alone(manager: Manager, tree: Tree, orders: Orders) -> None:
    """An order that would end another server, too, is not given."""
    table = processes.table()
    if manager.kind.startswith("systemd"):
        group = tree.root.cgroup or ""
        kept = {pid for pid, one in table.items() if one.cgroup and f"{one.cgroup}/".startswith(f"{group}/")}
    else:
        kept = set(processes.descendants(table, manager.child)) if manager.child else set()
    others = {pid for one in ports.listeners() for pid in one.holders} & kept - set(tree.pids)
    if others:
        pid = min(others)
        raise _NotProven(f"the order would also end pid {pid} ({table[pid].name})", shlex.join(orders.stop))


def _systemd(manager: Manager, tree: Tree) -> Orders:
    program: Argv = ("systemctl",)
    if manager.kind == "systemd-user":
        program = ("env", f"XDG_RUNTIME_DIR=/run/user/{accounts.our_id()}", "systemctl", "--user")
    orders = managers.systemd(program, manager.name)
    typed = shlex.join(orders.stop)
    if not _UNIT.fullmatch(manager.name):
        raise _NotProven(f"{manager.name!r} is not a name that a unit may have")
    answer = _answer((*program, "show", "--property=MainPID", "--value", manager.name), typed)
    main = int(answer) if answer.strip().isdigit() else 0
    if main in {*tree.pids, *_above(tree)}:
        return orders
    if main:
        raise _NotKept
    raise _NotProven(f"{manager.name} has no main process, so systemd does not say that this one is its service", typed)


def _supervisor(manager: Manager, tree: Tree) -> Orders:
    above = _process(manager)
    program = (_tool("supervisorctl", above), *_supervisor_config(above))
    typed = shlex.join((*program, "status"))
    for url in _supervisor_urls(above):
        reached = (*program, "-s", url)
        for name, state, pid in _ALIVE.findall(_answer((*reached, "status"), typed)):
            exact = name if ":" in name else f"{name}:{name}"  # a program may be called "all"
            if state != "RUNNING" and all(_PLAIN.fullmatch(part) for part in exact.split(":")):
                pid = _answer((*reached, "pid", exact), typed).strip()
            if pid == str(manager.child):
                return managers.supervisor(reached, exact)
    raise _NotProven(f"none of its control sockets names pid {manager.child}", typed)


def _supervisor_urls(above: Process) -> Iterator[str]:
    for bound in _unix_sockets(above):
        # It binds another name, gives the socket this one, and takes the first away.
        path = bound if Path(bound).exists() else re.sub(r"\.\d+$", "", bound)
        if problem := _why_not_ours(path):
            raise _NotProven(problem)
        yield f"unix://{path}"
    for one in ports.listeners():
        if above.pid in one.holders:
            yield f"http://127.0.0.1:{one.port}"


def _supervisor_config(above: Process) -> Argv:
    """Where the user and password for its socket stand. Only what nobody else can change: it may load plugins."""
    words, cwd = above.cmdline or (), Path(above.cwd or "/")
    named = [words[at + 1] for at, word in enumerate(words[:-1]) if word in ("-c", "--configuration")]
    named += [word.partition("=")[2] for word in words if word.startswith("--configuration=")]
    usual = ("supervisord.conf", "etc/supervisord.conf", "/etc/supervisord.conf", "/etc/supervisor/supervisord.conf")
    for path in (cwd / one for one in named or usual):
        if path.is_file():
            safe = not trust.check_trusted_file(path) and "[supervisorctl]" in path.read_text(errors="replace")
            return ("-c", str(path)) if safe else ()
    return ()


def _runit(manager: Manager, tree: Tree) -> Orders:
    above = _process(manager)
    folder = Path(above.cwd or "")
    orders = managers.runit((_tool("sv", above),), str(folder))
    for needed in (folder, folder / "supervise"):
        if not needed.is_absolute() or (problem := trust.check_trusted_folder(needed)):
            raise _NotProven(problem or f"{folder}: the folder of the service cannot be seen")
    answer = _answer((orders.stop[0], "status", str(folder)), shlex.join(orders.stop)).partition(";")[0]
    if f"(pid {manager.child})" not in answer:
        raise _NotProven(f"it does not name pid {manager.child}: {answer.strip()}", shlex.join(orders.stop))
    return orders


def _pm2(manager: Manager, tree: Tree) -> Orders:
    above = _process(manager)
    homes = [Path(path).parent for path in _unix_sockets(above) if path.endswith("/rpc.sock")]
    if not homes:
        raise _NotProven("it holds no control socket that can be seen")
    if problem := trust.check_trusted_folder(homes[0]):
        raise _NotProven(problem)
    program = ("env", f"PM2_HOME={homes[0]}", _tool("pm2", above))
    typed = shlex.join((*program, "list"))
    answer = _answer((*program, "jlist"), typed)
    listed = next((line for line in answer.splitlines() if line.startswith("[{")), "[]")
    for app in _json(listed, typed):
        if app.get("pid") == manager.child:
            return managers.pm2(program, str(int(app["pm_id"])))
    raise _NotProven(f"it does not name pid {manager.child}", typed)


def _circus(manager: Manager, tree: Tree) -> Orders:
    above = _process(manager)
    endpoint = _circus_endpoint(above)
    program = (_tool("circusctl", above), "--endpoint", endpoint)
    typed = shlex.join((*program, "status"))
    found = _json(_answer((*program, "--json", "stats"), typed), typed)
    for name, running in found.get("infos", {}).items():
        if isinstance(running, dict) and str(manager.child) in running and _PLAIN.fullmatch(name):
            return managers.circus(program, name)
    raise _NotProven(f"it does not name pid {manager.child}", typed)


def _circus_endpoint(above: Process) -> str:
    """Where its configuration says, if that is a port that this very process listens on."""
    endpoint = "tcp://127.0.0.1:5555"
    for word in (above.cmdline or ())[1:]:
        path = Path(above.cwd or "/") / word
        if word.endswith((".ini", ".conf")) and path.is_file() and not trust.check_trusted_file(path):
            written = re.search(r"^\s*endpoint\s*=\s*(\S+)", path.read_text(errors="replace"), re.MULTILINE)
            endpoint = written[1] if written else endpoint
    port = endpoint.rpartition(":")[2]
    if not any(above.pid in one.holders and str(one.port) == port for one in ports.listeners()):
        raise _NotProven(f"it does not listen on its control address {endpoint}")
    return endpoint


def _container(manager: Manager, tree: Tree) -> Orders:
    if not manager.name:
        raise _NotProven("its control group does not say which container it is")
    orders = managers.container((manager.kind,), manager.name)
    typed = shlex.join(orders.stop)
    answer = _answer((manager.kind, "inspect", "--format", "{{.State.Pid}}", manager.name), typed).strip()
    known = {manager.child} if manager.child else {tree.root.pid, *_above(tree)}
    if answer not in {str(pid) for pid in known}:
        raise _NotProven(f"{manager.kind} names pid {answer[:20]} for {manager.name}, which is another process", typed)
    return orders


def _service(manager: Manager, tree: Tree) -> Orders:
    """A service of Windows, or what its wrapper (NSSM, WinSW) has started."""
    try:
        named = services.names_of(manager.child)
    except OSError as error:
        raise _NotProven(f"the list of services cannot be read: {error}") from None
    orders = managers.orders(Manager("service", named[0])) if len(named) == 1 else None
    if orders is None:
        several = (
            f"{len(named)} services run in pid {manager.child}" if named else f"no service has pid {manager.child}"
        )
        raise _NotProven(several, "sc queryex")
    return orders


_QUESTIONS: Mapping[str, Callable[[Manager, Tree], Orders]] = {
    "systemd": _systemd,
    "systemd-user": _systemd,
    "supervisor": _supervisor,
    "runit": _runit,
    "pm2": _pm2,
    "circus": _circus,
    "docker": _container,
    "podman": _container,
    "service": _service,
}


def _process(manager: Manager) -> Process:
    if manager.process is None:
        raise _NotProven("it cannot be seen")
    own = processes.read(os.getpid())
    if own is None or manager.process.pid_namespace != own.pid_namespace:
        raise _NotProven("it runs in another container: act through the container's own tools")
    return manager.process


def _above(tree: Tree) -> tuple[int, ...]:
    """Ancestors of the server: a shell or `sudo` between the manager and it. The first process is nobody's service."""
    return tuple(pid for pid in processes.ancestors(processes.one_by_one(), tree.root.pid) if pid > 1)


def _answer(argv: Argv, typed: str) -> str:
    """What the manager answers; its exit code counts only where it says nothing."""
    if "/" not in argv[0] and shutil.which(argv[0]) is None:
        raise _NotProven(f"{argv[0]} is not installed here, or not on PATH", typed)
    done = managers.tell(argv, _WITHIN)
    if done.timed_out or done.error:
        raise _NotProven(done.error or f"no answer within {_WITHIN:g} s to: {shlex.join(argv)}", typed)
    return done.output


def _json(text: str, typed: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise _NotProven(f"its answer is not understood: {text.strip()[:100]}", typed) from None


def _tool(name: str, above: Process) -> str:
    """The manager's own command: on PATH, else beside its program, where nobody else can have put it."""
    if shutil.which(name):
        return name
    for word in (above.exe, *(above.cmdline or ())[:2]):
        beside = Path(word or "").parent / name
        if beside.is_absolute() and beside.is_file() and not trust.check_trusted_file(beside.resolve()):
            return str(beside)
    raise _NotProven(f"{name} is neither on PATH nor beside {above.exe or 'its program'}")


def _unix_sockets(above: Process) -> list[str]:
    """Paths of the local sockets that this very process holds, as the kernel says."""
    known = sockets.unix_sockets()
    held = {known[one.inode].name for one in descriptors.of(above.pid, "socket") if one.inode in known}
    return sorted(name for name in held if name.startswith("/"))


def _why_not_ours(path: str) -> str:
    """Who else could put another socket in this place; empty if nobody could."""
    folder = Path(path).parent
    try:
        facts, above = Path(path).lstat(), folder.stat()
    except OSError as error:
        return f"{path}: {error.strerror}"
    if above.st_uid == 0 and above.st_mode & stat.S_ISVTX:  # there each may only replace what is theirs
        fine = facts.st_uid in (0, accounts.our_id())
        return trust.check_trusted_folder(folder.parent) if fine else f"{path} belongs to another user"
    return trust.check_trusted_folder(folder)
