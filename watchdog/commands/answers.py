"""`wd yes` and `wd no`: a person answers what the loop asks. The page and the links answer through `give` too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from watchdog.journal.store import Journal
from watchdog.model.approval import Approval
from watchdog.model.errors import NothingMatched, Refused, WrongUsage
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock
from watchdog.text.language import marked, translated
from watchdog.text.units import iso


def yes(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Let the loop do it. NothingMatched if nothing is asked."""
    return _answer(context, "yes")


def no(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Let the loop leave it alone. NothingMatched if nothing is asked."""
    return _answer(context, "no")


def _answer(context: Context, given: Literal["yes", "no"]) -> StepResult:
    name = context.selector.service
    with Journal.open(context.state, context.say) as journal:
        found = journal.questions(name)
        if not found:
            raise NothingMatched(
                f"nothing is asked about {name}" if name else "nothing is asked",
                todo="`wd status` shows what is asked.",
            )
        if len({one.service for one in found}) > 1:
            services = ", ".join(sorted({one.service for one in found}))
            raise WrongUsage(f"more than one service is asked about: {services}", todo=f"Name one: `wd {given} NAME`")
        answered = [give(journal, one, given, context.trigger.by, context.trigger.by) for one in found]
    words = "; ".join(one.words for one in answered)
    waits = next((waits_for(one) for one in answered if not one.answer), "")
    data = {"service": answered[0].service, "answer": given, "runbook": answered[0].runbook, "waits": waits or None}
    done = "it is done now, if the trouble lasts" if given == "yes" else "nothing is done"
    return StepResult("ok", f"{given}: {words} {waits or done}", data)


def give(journal: Journal, asked: Approval, given: Literal["yes", "no"], by: str, who: str = "") -> Approval:
    """Answer one question. `who` is the person, wherever the answer comes from.

    Refused if somebody was faster, if the same person has answered before, or if the question is closed.
    """
    counts = journal.answer(asked.id, given, by, who)
    now = journal.approval(asked.id)
    if counts and now is not None:
        return now
    if now is not None and now.is_open(clock.now()):
        raise Refused(
            translated("you have said yes before"), waits_for(now), translated("Another person must say it, too.")
        )
    became = what_became(now) if now else translated("it was not found")
    raise Refused(translated("this question is not open any more"), became)


def waits_for(one: Approval) -> str:
    """ "1 of 2 people have said yes: kim (page)"; empty where one person decides."""
    if one.needed == 1:
        return ""
    told = translated("{count} of {needed} people have said yes", count=len(one.votes), needed=one.needed)
    return f"{told}{': ' if one.votes else ''}{', '.join(one.votes)}"


def what_became(one: Approval) -> str:
    """Of a question that is not open any more."""
    if one.answer in ("yes", "no"):
        said = marked("{name} said yes at {moment}") if one.answer == "yes" else marked("{name} said no at {moment}")
        return translated(said, name=one.by, moment=iso(one.answered or one.asked))
    if one.answer == "over":
        return translated("the trouble is over")
    return translated("its time is over, and that is a no")
