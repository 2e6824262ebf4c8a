"""The budget, asked by every run: the loop asks before it decides, a person's run is asked here.

A person may go on over a budget, with a yes, and the report says so in a line of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from watchdog.model.errors import Refused
from watchdog.policy import budget
from watchdog.steps.spec import Context
from watchdog.system import clock

RESTARTING = frozenset({"start", "restart"})


def ask(context: Context, steps: Sequence[str]) -> str:
    """A line for the report if the budget was overridden, else empty. Refused if it is used up and nobody says yes."""
    why = used_up(context, steps)
    if not why:
        return ""
    if context.ask(f"{_service(context)}: {why}. Restart it all the same?"):
        return f"the restart budget was overridden with a yes: {why}"
    raise Refused(
        f"{_service(context)} is not restarted",
        f"the budget is used up: {why}",
        "find the cause first (wd why); --yes restarts it all the same, and the report will say so",
    )


def used_up(context: Context, steps: Sequence[str]) -> str:
    """Why a person's run with these steps is over the budget; empty if it is not."""
    playbook, journal = context.playbook, context.journal
    if playbook is None or journal is None or context.trigger.kind != "person" or not RESTARTING & set(steps):
        return ""
    now = clock.now()
    since = now - max(playbook.policy.give_up.within, budget.HOUR)
    history = budget.History(
        restarts=tuple(one.at for one in journal.restarts(playbook.service, since)),
        all_restarts=tuple(one.at for one in journal.restarts(None, since)),
    )
    # A person need not wait between restarts: the back-off is there for the loop.
    at_once = replace(playbook.policy, backoff=replace(playbook.policy.backoff, first=0.0))
    found = budget.permit(at_once, history, now)
    return "" if found.verdict == "go" else found.why


def _service(context: Context) -> str:
    return context.playbook.service if context.playbook else ""
