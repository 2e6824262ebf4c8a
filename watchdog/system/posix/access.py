"""Asked with the rights of the user, in a child."""

from __future__ import annotations

from watchdog.system.child import commands

_WITHIN = 5.0  # seconds


def may_enter(user: str | None, folder: str) -> bool:
    return _may(user, "-x", folder)


def may_run(user: str | None, program: str) -> bool:
    return _may(user, "-x", program)


def may_write(user: str | None, path: str) -> bool:
    return _may(user, "-w", path)


def _may(user: str | None, flag: str, path: str) -> bool:
    return commands.run(("test", flag, path), timeout=_WITHIN, cwd="/", user=user).ok
