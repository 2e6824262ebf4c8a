"""`wd status`: every service with its state, since when, availability, restarts, deaths and the curve of its memory."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from watchdog.commands.sidecar_sessions import Session, sessions
from watchdog.commands.standing import ORDER, worst_first
from watchdog.commands.standings import Standings
from watchdog.commands.status_lines import MARKS, details, overview
from watchdog.journal.store import Journal
from watchdog.model.errors import BadConfig
from watchdog.model.exits import exit_of
from watchdog.model.playbook import Playbook
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock
from watchdog.text.shown import joined
from watchdog.text.units import counted

_NOTHING = "the home has no playbook; `wd init --from :PORT` writes one from a running server"


def status(context: Context, options: Mapping[str, Any]) -> StepResult:
    """One line for each service, worst first, or all of the one that was named. The exit code is the worst state.

    A playbook with mistakes is named and makes the whole "unknown" at best; it hides no other service.
    """
    bridges = _bridges(context)
    wanted, broken = _playbooks(context, bridges)
    with Journal.open(context.state, context.say) as journal:
        found = sorted(Standings(journal, context.state, wanted).look(), key=worst_first)
    others = [one for name, one in bridges.items() if name not in {playbook.service for playbook in wanted}]
    states = (
        [one.state for one in found]
        + [one.state for one in others]
        + ["unknown"] * (bool(broken) or not (found or others))
    )
    worst = min(states, key=ORDER.index)
    rows = (*(one.record() for one in found), *(one.record() for one in others))
    now = clock.now()
    lines = details(found[0], now) if found and context.selector.service else overview(found, now)
    more = (f"{MARKS[one.state]} {one.service}  {one.state}  {one.message}" for one in others)
    told = (f"? {path.name}  has mistakes: `wd validate {shlex.quote(str(path))}`" for path in broken)
    count = len(found) + len(others)
    message = f"{counted(count, 'service')}, the worst is {worst}" if count else _NOTHING
    data = {"services": count, "worst": worst, "broken": [str(path) for path in broken]}
    return StepResult("ok", message, data, rows, exit_of(worst), joined([*lines, *more, *told]))


def _bridges(context: Context) -> dict[str, Session]:
    """The sessions of `wd sidecar`; it needs no home and no playbook."""
    with Journal.open(context.state, context.say) as journal:
        found = sessions(journal, clock.now())
    name = context.selector.service
    return {name: found[name]} if name in found else {} if name else found


def _playbooks(context: Context, bridges: Mapping[str, Session]) -> tuple[tuple[Playbook, ...], tuple[Path, ...]]:
    """(those to show, files with mistakes). BadConfig without a home, and nothing else to show."""
    from watchdog.config import playbooks

    if bridges and (context.home is None or context.selector.service not in (None, *playbooks.names(context.home))):
        return (), ()
    if context.home is None:
        raise BadConfig("no home was found", todo="Name one with --home or $WD_HOME, or make one with `wd init`.")
    name = context.selector.service
    return ((playbooks.service(context.home, name),), ()) if name else playbooks.sound(context.home)
