"""launchd of macOS: one agent or daemon, through its own command. Nobody has run this on a Mac yet."""

from __future__ import annotations

from pathlib import Path

from watchdog.model.errors import Failed
from watchdog.system.child import commands
from watchdog.system.disk import files
from watchdog.system.host import accounts

_LIMIT = 30.0  # seconds for one command of the system
_READ_BY_ALL = 0o644  # launchd refuses others


def agent_path(name: str) -> Path:
    """A daemon of the machine for root, an agent of the user for others."""
    folder = Path("/Library/LaunchDaemons") if accounts.is_admin() else Path.home() / "Library" / "LaunchAgents"
    return folder / f"{name}.plist"


def read_agent(name: str) -> str:
    """Its plist; empty if there is none."""
    try:
        return agent_path(name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def put_agent(name: str, text: str) -> None:
    """Write it, and let launchd take it up in place of an older one. Failed if launchd does not."""
    path = agent_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_atomic(path, text, mode=_READ_BY_ALL)
    commands.run(["launchctl", "bootout", f"{_domain()}/{name}"], timeout=_LIMIT)  # fails where there was none
    done = commands.run(["launchctl", "bootstrap", _domain(), str(path)], timeout=_LIMIT)
    if not done.ok:
        raise Failed("launchd did not take the job", done.error or done.output.strip(), f"its file is {path}")


def take_agent(name: str) -> None:
    """Take it out: first from launchd, then its file."""
    commands.run(["launchctl", "bootout", f"{_domain()}/{name}"], timeout=_LIMIT)
    agent_path(name).unlink(missing_ok=True)


def _domain() -> str:
    return "system" if accounts.is_admin() else f"gui/{accounts.our_id()}"
