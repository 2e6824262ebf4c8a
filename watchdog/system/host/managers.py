"""How the programs that keep services alive are told to stop, end and start one: their own commands, as argv."""

from __future__ import annotations

from watchdog.model.process import Manager
from watchdog.model.records import record

Argv = tuple[str, ...]


@record(frozen=True)
class Orders:
    """What to say to a manager. `end`: SIGKILL for all of the service, when a stop does not come to an end."""

    stop: Argv
    end: Argv
    start: Argv


def orders(manager: Manager) -> Orders | None:
    """The commands for this service; None for a manager that we cannot act through."""
    name = manager.name
    if not name or name.startswith("-"):
        return None
    match manager.kind:
        case "systemd":
            return _systemd(("systemctl",), name)
        case "systemd-user":  # only a playbook says this
            return _systemd(("systemctl", "--user"), name)
        case "supervisor":
            return Orders(
                ("supervisorctl", "stop", name),
                ("supervisorctl", "signal", "KILL", name),
                ("supervisorctl", "start", name),
            )
        case "docker" | "podman":
            kind = manager.kind
            return Orders((kind, "stop", name), (kind, "kill", name), (kind, "start", name))
        case "runit":
            return Orders(("sv", "down", name), ("sv", "kill", name), ("sv", "up", name))
        case "pm2":
            return Orders(("pm2", "stop", name), ("pm2", "sendSignal", "SIGKILL", name), ("pm2", "start", name))
    return None


def parse(text: str) -> Manager:
    """`systemd:shop.service`, as a playbook writes it. ValueError if it is not of that form."""
    kind, colon, name = text.partition(":")
    if not colon or not name or orders(Manager(kind, name)) is None:
        raise ValueError(f"{text!r} names no manager that wd can act through; write it like systemd:shop.service")
    return Manager(kind, name)


def why_not_usable(manager: Manager) -> str:
    """Why nothing can be asked of it; empty if its command is there."""
    import shutil  # here: it imports five compression libraries

    found = orders(manager)
    if found is None:
        return f"wd cannot act through {manager}"
    return "" if shutil.which(found.stop[0]) else f"{found.stop[0]} is not installed here, or not on PATH"


def _systemd(program: Argv, name: str) -> Orders:
    kill = ("kill", "--signal=SIGKILL", "--kill-who=all", name)
    return Orders((*program, "stop", name), (*program, *kill), (*program, "start", name))
