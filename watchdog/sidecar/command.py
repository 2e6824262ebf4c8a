"""`wd sidecar -- COMMAND`: the bridge between a host and a child that speak over standard input and output."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from watchdog.model.errors import WrongUsage
from watchdog.model.playbook import Playbook, Sidecar
from watchdog.sidecar.life import Life
from watchdog.sidecar.notes import Notes
from watchdog.sidecar.settings import Settings
from watchdog.steps.spec import Context, StepResult
from watchdog.system.child.kept import HostStreams, adopt_orphans, new_loop
from watchdog.text.units import parse_duration


def sidecar(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Until the session is over; the exit code is the child's. Only the host's messages are on standard output."""
    settings = settings_of(context, options)
    adopt_orphans()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        code = runner.run(_live(settings, context.state))
    raise SystemExit(code)


async def _live(settings: Settings, state: Path) -> int:
    return await Life(settings, HostStreams(), Notes(settings, state)).run()


def settings_of(context: Context, options: Mapping[str, Any]) -> Settings:
    """Options over the playbook over the defaults. WrongUsage if no command is known."""
    playbook = _playbook(context, options)
    start = playbook.start if playbook else None
    command = tuple(options.get("command") or ()) or (start.command if start else ())
    if not command:
        why = "its playbook has no start.command" if playbook else ""
        raise WrongUsage(
            "no command was named", why, "Write `wd sidecar -- COMMAND`, for example with: python server.py"
        )
    return Settings(
        service=playbook.service if playbook else options.get("name") or Path(command[0]).name,
        command=command,
        env={**os.environ, **dict(start.env if start else ())},
        cwd=start.cwd if start else None,
        fallback=start.fallback if start else (),
        typed=context.trigger.typed,
        watch=_watch(playbook.sidecar if playbook and playbook.sidecar else Sidecar(), options),
    )


def _playbook(context: Context, options: Mapping[str, Any]) -> Playbook | None:
    if not options.get("service"):
        return None
    from watchdog.config import playbooks

    return playbooks.service(context.home, options["service"])


def _watch(base: Sidecar, options: Mapping[str, Any]) -> Sidecar:
    given = {name: options[name] for name in _PLAIN if options.get(name) is not None}
    given |= {name: (*getattr(base, name), *options[name]) for name in _MANY if options.get(name)}
    if options.get("limit"):
        given["limits"] = (*base.limits, *(_limit(text) for text in options["limit"]))
    from dataclasses import replace

    return replace(base, **given)


_PLAIN = ("framing", "restarts", "healthy", "queue", "grace", "ping")
_MANY = ("lossy", "replay", "terminal")


def _limit(text: str) -> tuple[str, float]:
    """ "60s" for all methods, "tools/call=10m" for one."""
    method, _, duration = text.rpartition("=")
    try:
        return method, parse_duration(duration)
    except ValueError as error:
        raise WrongUsage(f"--limit {text}: {error}", todo="Write --limit 60s or --limit METHOD=60s.") from error
