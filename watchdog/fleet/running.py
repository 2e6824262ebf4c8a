"""`wd fleet run` and `wd fleet resume`: a runbook on many hosts, in batches, within a budget, as one record."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchdog.fleet import inventory, plan, proof, shared, summary
from watchdog.fleet.asking import selected
from watchdog.fleet.carry import Parcels
from watchdog.fleet.ledger import Ledger
from watchdog.fleet.records import Host, Plan
from watchdog.fleet.rollout import Rollout
from watchdog.model.errors import Refused, WrongUsage
from watchdog.steps.spec import Context, StepResult
from watchdog.store import address
from watchdog.system import clock
from watchdog.text.shown import joined

if TYPE_CHECKING:
    from watchdog.store.store import Store


def run(context: Context, options: Mapping[str, Any]) -> StepResult:
    """A new run. With the id of an old one: what that came to, and nothing is begun twice."""
    if not options.get("runbook"):
        raise WrongUsage("no runbook was named", todo="Write `wd fleet run RUNBOOK -i INVENTORY`.")
    for one in options.get("verify") or ():
        proof.check(one)
    ledger = Ledger(context.state, options.get("id") or _new_id())
    if context.dry_run:
        made, hosts = _new_plan(ledger.id, context, options)
        lines = plan.in_words(made, hosts)
        return StepResult("planned", lines[0], {"run": made.id, "batches": made.batches}, text=joined(lines))
    with ledger.held():
        made_before = ledger.plan()
        if made_before is not None:
            _check_same(made_before, context, options)
            return _carry_on(made_before, ledger, context)
        made, hosts = _new_plan(ledger.id, context, options)
        for line in plan.in_words(made, hosts):
            context.say(line)
        ledger.begin(made)
        return _roll_out(made, hosts, ledger, context)


def _check_same(before: Plan, context: Context, options: Mapping[str, Any]) -> None:
    """Refused if the id is that of a run with other words: going on with that one is not what was asked for."""
    if before.words != tuple(_words(context, options)):
        raise Refused(
            f"the id {before.id} is that of another run: wd {shlex.join(before.words)}",
            todo=f"Choose another id. To go on with that run: {resume_command(before.id, context)}",
        )


def resume(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Finish what was not begun; fetch what was."""
    ledger = Ledger(context.state, str(options["run"]))
    ledger.known_plan()
    with ledger.held():
        made = ledger.known_plan()
        if options.get("max_failed") is not None:
            made = replace(made, max_failed=int(options["max_failed"]))
        return _carry_on(made, ledger, context)


def _new_id() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}-{secrets.token_hex(2)}"


def _new_plan(run_id: str, context: Context, options: Mapping[str, Any]) -> tuple[Plan, dict[str, Host]]:
    sources = tuple(map(_absolute, options.get("inventory") or ()))
    limit = options.get("limit") or ""
    hosts = {host.name: host for host in inventory.hosts(sources, limit)}
    made = Plan(
        run_id,
        str(options["runbook"]),
        tuple(_words(context, options)),
        tuple(hosts),
        plan.batches(list(hosts), options["batch"]),
        sources,
        limit,
        max_failed=int(options["max_failed"]),
        at_once=int(options["max_at_once"]),
        deadline=float(options["deadline"]),
        silence=float(options["silence"]),
        proofs=tuple(options.get("verify") or ()),
        proof_within=float(options["verify_within"]),
        made=clock.now(),
        limit_of_all=int(options.get("limit_of_all") or 0),
        lease=float(options["lease"]),
    )
    return made, hosts


def _words(context: Context, options: Mapping[str, Any]) -> list[str]:
    """The command on each host."""
    values = [word for pair in options.get("set") or () for word in ("--set", pair)]
    yes = ["--yes"] if context.yes else []
    return ["run", str(options["runbook"]), *selected(context), *values, *yes]


def _absolute(source: str) -> str:
    """A file as a full path, so that `resume` finds it from another folder; `a,b` is a list of hosts."""
    return source if "," in source else str(Path(source).absolute())


def _carry_on(made: Plan, ledger: Ledger, context: Context) -> StepResult:
    hosts = {host.name: host for host in inventory.hosts(made.inventory, made.limit)}
    return _roll_out(made, hosts, ledger, context)


def _roll_out(made: Plan, hosts: Mapping[str, Host], ledger: Ledger, context: Context) -> StepResult:
    store = _store(made, context)
    slots = shared.Slots(store, made, context.say) if store and made.limit_of_all else None
    rollout = Rollout(made, hosts, ledger, Parcels(), context.say, slots)
    try:
        rollout.go()
    except KeyboardInterrupt:
        context.say(f"runs that have begun go on. Later: {resume_command(made.id, context)}")
        raise
    done = summary.result(made, ledger, rollout.stopped, resume_command(made.id, context))
    if store and (reason := shared.send_at_the_end(store, made, ledger, address.controller(context.state))):
        context.say(f"the run is not in the shared store yet: {reason}")
    return done


def _store(made: Plan, context: Context) -> Store | None:
    """The shared one, if there is one. BadConfig if a limit over all controllers needs it."""
    where = address.needed(context.home) if made.limit_of_all else address.of_home(context.home)
    if not where:
        return None
    from watchdog.store.store import Store

    return Store(where)


def resume_command(run_id: str, context: Context) -> str:
    home = context.trigger.home
    return shlex.join(["wd", *(["--home", home] if home else []), "fleet", "resume", run_id])
