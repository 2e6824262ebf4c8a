"""`wd snooze`, `wd resume`, `wd ack`: a person says what the loop may do, and it keeps to that across its restarts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watchdog.journal.store import Journal
from watchdog.model.errors import NothingMatched, WrongUsage
from watchdog.model.incident import Desired
from watchdog.model.playbook import Playbook
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock
from watchdog.text.units import format_duration, iso


def snooze(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Leave the service alone for a while; it ends by itself. WrongUsage without an end."""
    playbook = _playbook(context)
    seconds, until_healthy = options.get("for"), bool(options.get("until_healthy"))
    if not seconds and not until_healthy:
        raise WrongUsage(
            "a snooze needs an end",
            todo=f"Write `wd snooze {playbook.service} --for 2h`, or --until-healthy in place of --for.",
        )
    until = clock.now() + float(seconds) if seconds else None
    wanted = Desired("snoozed", clock.now(), until, until_healthy, context.trigger.by, str(options.get("why") or ""))
    _want(context, playbook, wanted)
    end = " or ".join(
        filter(
            None,
            (f"for {format_duration(float(seconds))}" if seconds else "", "until healthy" if until_healthy else ""),
        )
    )
    data = {"service": playbook.service, "desired": "snoozed", "until": iso(until) if until else None}
    return StepResult(
        "ok", f"{playbook.service} is left alone {end}; probes go on", data | {"until_healthy": until_healthy}
    )


def resume(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Look after it again; a budget that was used up, and a giving up, are forgotten."""
    playbook = _playbook(context)
    _want(context, playbook, Desired("running", clock.now(), by=context.trigger.by, why=str(options.get("why") or "")))
    told = f"{playbook.service} is looked after again, with a new budget"
    return StepResult("ok", told, {"service": playbook.service, "desired": "running"})


def ack(context: Context, options: Mapping[str, Any]) -> StepResult:
    """A person has it in hand: the loop leaves the service alone until it is healthy, and the incident says who."""
    playbook = _playbook(context)
    text = " ".join(options.get("text") or ()) or "acknowledged"
    wanted = Desired("snoozed", clock.now(), None, until_healthy=True, by=context.trigger.by, why=text)
    with Journal.open(context.state, context.say) as journal:
        last = next(iter(journal.incidents(playbook.service, 0.0, 1)), None)
        if last is None:
            todo = f"`wd snooze {playbook.service} --until-healthy` leaves it alone all the same"
            raise NothingMatched(f"{playbook.service} has no incident", todo=todo)
        journal.set_desired(playbook.service, wanted)
        journal.note(last.id, text, context.trigger.by)
    told = (
        f"{context.trigger.by or 'you'} has {last.id} in hand; wd leaves {playbook.service} alone until it is healthy"
    )
    return StepResult("ok", told, {"service": playbook.service, "incident": last.id, "desired": "snoozed"})


def _want(context: Context, playbook: Playbook, wanted: Desired) -> None:
    with Journal.open(context.state, context.say) as journal:
        journal.set_desired(playbook.service, wanted)


def _playbook(context: Context) -> Playbook:
    if context.playbook is None:
        raise WrongUsage("no service was named", todo="Name one: --service NAME")
    return context.playbook
