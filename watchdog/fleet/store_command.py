"""`wd fleet store`: make its tables, send what it has not, show what it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watchdog.fleet import shared
from watchdog.fleet.ledger import Ledger
from watchdog.journal.store import Journal
from watchdog.model.exits import Exit
from watchdog.steps.spec import Context, StepResult
from watchdog.store import address
from watchdog.store.store import Store
from watchdog.text.shown import joined, shown
from watchdog.text.units import counted, iso

_SHOWN = 50


def store(context: Context, options: Mapping[str, Any]) -> StepResult:
    """BadConfig without a store; CannotTell if it does not answer."""
    chosen = Store(address.needed(context.home))
    verbs = {"upgrade": _upgrade, "forward": _forward, "show": _show}
    return verbs[options["verb"]](chosen, context)


def _upgrade(chosen: Store, context: Context) -> StepResult:
    from watchdog.store import schema

    before = chosen.do(schema.upgrade)
    told = "is up to date" if before == schema.NEWEST else f"now has the tables of version {schema.NEWEST}"
    return StepResult("ok", f"the store {chosen.name} {told}", {"before": before, "after": schema.NEWEST})


def _forward(chosen: Store, context: Context) -> StepResult:
    """Incidents of this home, and the runs on many hosts that were begun here."""
    from watchdog.store import forwarding

    with Journal.open(context.state) as journal:
        sent = forwarding.forward(chosen, journal, context.state)
    runs = 0
    for folder in sorted((context.state / "fleet-runs").glob("*/plan.json")):
        ledger = Ledger(context.state, folder.parent.name)
        if (plan := ledger.plan()) is not None:
            shared.send(chosen, plan, ledger, address.controller(context.state))
            runs += 1
    told = f"{counted(sent, 'incident')} and {counted(runs, 'run')} sent to the store {chosen.name}"
    return StepResult("ok", told, {"incidents": sent, "runs": runs})


def _show(chosen: Store, context: Context) -> StepResult:
    from watchdog.store import leases, runs

    found = chosen.do(lambda connection: runs.newest_incidents(connection, _SHOWN))
    held = chosen.do(lambda connection: leases.held(connection, "fleet"))
    keys = ("id", "node", "host", "service", "runbook", "outcome", "cause", "run")
    rows = tuple({"opened": iso(one["opened"]), **{key: one[key] for key in keys}} for one in found)
    lines = [
        shown(f"{one['opened']}  {one['host'] or one['node']}  {one['service']}  {one['outcome']}  {one['cause']}")
        for one in rows
    ]
    told = f"{counted(len(rows), 'incident')} of all hosts; {counted(len(held), 'slot')} taken"
    return StepResult("ok", told, {"slots": held}, rows=rows, exit=Exit.FINE, text=joined([*lines, told]))
