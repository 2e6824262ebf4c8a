"""How the programs that keep services alive are ordered to stop, end and start one: their own commands, as argv."""

from __future__ import annotations

from watchdog.model.killing import Argv, Orders
from watchdog.model.process import Manager
from watchdog.system.child import commands
from watchdog.system.child.commands import Done


def orders(manager: Manager) -> Orders | None:
    """The commands for the service that a playbook names so; None for a manager that we cannot act through."""
    name = manager.name
    if not name or name.startswith("-"):
        return None
    match manager.kind:
        case "systemd":
            return systemd(("systemctl",), name)
        case "systemd-user":
            return systemd(("systemctl", "--user"), name)
        case "supervisor":
            return supervisor(("supervisorctl",), name)
        case "docker" | "podman":
            return container((manager.kind,), name)
        case "runit":
            return runit(("sv",), name)
        case "pm2":
            return pm2(("pm2",), name)
        case "circus":
            return circus(("circusctl",), name)
        case "service" if not set(name) & set('\\/"'):
            return service(name)
    return None


def parse(text: str) -> Manager:
    """`systemd:shop.service`, as a playbook writes it. ValueError if it is not of that form."""
    kind, colon, name = text.partition(":")
    if not colon or not name or orders(Manager(kind, name)) is None:
        raise ValueError(f"{text!r} names no manager that wd can act through; write it like systemd:shop.service")
    return Manager(kind, name)


def why_not_usable(manager: Manager) -> str:
    """Why nothing can be asked of it; empty if its command is there."""

    found = orders(manager)
    if found is None:
        return f"wd cannot act through {manager}"
    import shutil  # here: it imports five compression libraries

    return "" if shutil.which(found.stop[0]) else f"{found.stop[0]} is not installed here, or not on PATH"


def tell(argv: Argv, within: float) -> Done:
    """Run a manager's own command. In the root folder: some of them read a configuration from where they stand."""
    return commands.run(argv, timeout=within, cwd="/")


def systemd(program: Argv, unit: str) -> Orders:
    kill = ("kill", "--signal=SIGKILL", "--kill-who=all", unit)
    return Orders((*program, "stop", unit), (*program, *kill), (*program, "start", unit))


def supervisor(program: Argv, name: str) -> Orders:
    return Orders((*program, "stop", name), (*program, "signal", "KILL", name), (*program, "start", name))


def runit(program: Argv, service: str) -> Orders:
    return Orders((*program, "down", service), (*program, "kill", service), (*program, "up", service))


def pm2(program: Argv, app: str) -> Orders:
    return Orders((*program, "stop", app), (*program, "sendSignal", "SIGKILL", app), (*program, "start", app))


def circus(program: Argv, watcher: str) -> Orders:
    exactly = "--match=simple"  # else the name is a pattern
    return Orders(
        (*program, "stop", watcher, exactly),
        (*program, "signal", watcher, "9", "--recursive"),
        (*program, "start", watcher, exactly),
    )


def service(name: str) -> Orders:
    """Of Windows. What does not stop is ended with all that it has started."""
    by_force = ("taskkill", "/F", "/T", "/FI", f"SERVICES eq {name}")
    return Orders(("sc", "stop", name), by_force, ("sc", "start", name))


def container(program: Argv, name: str) -> Orders:
    return Orders((*program, "stop", name), (*program, "kill", name), (*program, "start", name))
