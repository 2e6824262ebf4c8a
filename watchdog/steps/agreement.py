"""Whether these servers may be ended: a person agrees to doubtful ones, and the loop asks its probe once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from watchdog.model.killing import KillPlan
from watchdog.model.process import Tree
from watchdog.steps.spec import Context


def is_by_hand(context: Context) -> bool:
    """A person typed this very kill: it is not part of a procedure, and no start follows."""
    return context.trigger.kind == "person" and not context.in_runbook and not context.will_start


def not_agreed(context: Context, options: Mapping[str, Any], plans: Sequence[KillPlan]) -> tuple[str, ...]:
    """Why nothing is ended: a person should agree first, and nobody does. Says whom it is about before."""
    from watchdog.killing import whom

    found = doubts(context, options, plans)
    about = [f"to end: {whom.in_words(plan.whom)}" for plan in plans if plan.whom]
    if not found or context.yes:
        for line in about:
            context.say(line)
        return ()
    if context.ask(f"{'; '.join([*about, *found])}. End it all the same?"):
        return ()
    return tuple(f"{doubt}: nothing is ended without a yes (--yes)" for doubt in found)


def doubts(context: Context, options: Mapping[str, Any], plans: Sequence[KillPlan]) -> tuple[str, ...]:
    """Why a person should agree before these are ended."""
    from watchdog.killing import whom

    if is_by_hand(context):
        several = [whom.doubts(one.whom, configured=_is_configured(context, one.tree)) for one in plans if one.whom]
        return tuple(doubt for those in several for doubt in those)
    if context.trigger.kind == "person" and (well := _found_well(context, options)):
        return (f"the look of this run found it {well}",)
    return ()


def why_over(context: Context, options: Mapping[str, Any]) -> str:
    """Why the loop ends nothing: this run found the server well, and its probe is answered again."""
    return context.why_over() if _found_well(context, options) else ""


def _found_well(context: Context, options: Mapping[str, Any]) -> str:
    """What this run found, where that is not a fault and the call asks for it."""
    from watchdog.model.causes import HEALTHY

    found = context.found.diagnosis if options.get("unless_healthy") else None
    return found.verdict if found and found.verdict in HEALTHY else ""


def _is_configured(context: Context, tree: Tree) -> bool:
    from watchdog.steps import afterwards

    playbook = afterwards.service_of(context, tree)
    return playbook is not None and afterwards.is_expected(playbook, tree)
