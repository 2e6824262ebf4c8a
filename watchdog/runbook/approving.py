"""Blocks that people must allow: `confirm` asks one person, `approve="2"` waits for so many different ones."""

from __future__ import annotations

import hashlib
import os
import secrets
import shlex
from collections.abc import Sequence

from watchdog.journal.approvals import BLOCK
from watchdog.journal.store import Journal
from watchdog.model.approval import Approval
from watchdog.model.procedure import Block
from watchdog.model.records import record
from watchdog.steps.notify import notify
from watchdog.steps.spec import Context
from watchdog.system import clock
from watchdog.text.language import speaking, translated, translated_count
from watchdog.text.units import format_duration

STEP = "approve"  # what stands in the record in the place of a step
_WITHIN = 300.0  # seconds, where no playbook says otherwise
_LOOK = 0.25  # seconds between two looks for an answer


@record(frozen=True)
class Allowed:
    """Whether a block may run, and who said so."""

    yes: bool
    why: str


def ask(context: Context, block: Block, lines: Sequence[str], runbook: str) -> Allowed:
    """Ask for one block. Who sits at a terminal, or has said --yes, answers a `confirm` at once."""
    deed = "; ".join(lines)
    if block.confirm and not block.approve and context.local:
        return Allowed(True, "confirmed") if context.ask(f"Run: {deed} ?") else Allowed(False, "a person said no")
    needed = block.approve or 1
    if context.journal is None:
        return Allowed(False, f"{people(needed)} must allow it, and without a journal nobody can be asked")
    new = _question(context, block, deed, runbook, needed)
    with speaking(context.language):
        words = _words(new.service or runbook, runbook, deed, needed)
    return _wait(context, context.journal, new, words)


def _question(context: Context, block: Block, deed: str, runbook: str, needed: int) -> Approval:
    policy = context.playbook.policy if context.playbook else None
    service = context.playbook.service if context.playbook else ""
    now = clock.now()
    until = now + (policy.answer_within if policy else _WITHIN)
    words = _words(service or runbook, runbook, deed, needed)
    about = f"{BLOCK}{context.incident or ''} {block.line}"
    return Approval(os.urandom(6).hex(), service, runbook, about, words, now, until, needed=needed)


def put(journal: Journal, new: Approval) -> str:
    """Write the question down; gives the link that answers it, where the page is served."""
    token = secrets.token_urlsafe(24)
    journal.ask(new, hashlib.sha256(token.encode()).hexdigest())
    page = journal.page
    return f"{page}/yes/{new.id}/{token}" if page else ""


def _words(service: str, runbook: str, deed: str, needed: int) -> str:
    what = {"service": service, "runbook": runbook, "deed": deed}
    return translated_count(
        "{service}: {runbook} wants to run: {deed}. One person must allow it.",
        "{service}: {runbook} wants to run: {deed}. {count} different people must allow it.",
        needed,
        **what,
    )


def _wait(context: Context, journal: Journal, new: Approval, words: str) -> Allowed:
    """Until enough people have said yes, one has said no, or its time is over. `words` are for the people called."""
    link = put(journal, new)
    answer = f"`{shlex.join(('wd', 'yes', *filter(None, (new.service,))))}`"
    context.say(f"waiting for {people(new.needed)}: {answer} answers, for {format_duration(new.until - new.asked)}")
    with speaking(context.language):
        how = translated("{command} allows it", command=answer)
        or_link = translated(", or this link: {link}", link=link) if link else ""
        text = f"{words} {how}{or_link}"
    if context.playbook is not None and context.playbook.notify:
        context.say(notify(context, {"message": [text]}).message)
    try:
        while (now := journal.approval(new.id)) is not None and now.is_open(clock.now()):
            clock.sleep(_LOOK)
    finally:
        closed = journal.close_question(new.id, "late")
    return _came_to(closed, new)


def _came_to(closed: Approval | None, new: Approval) -> Allowed:
    if closed is not None and closed.answer == "yes":
        return Allowed(True, f"allowed by {closed.by}")
    if closed is not None and closed.answer == "no":
        return Allowed(False, f"{closed.by} said no")
    said = f"; so far: {', '.join(closed.votes)}" if closed is not None and closed.votes else ""
    return Allowed(False, f"not allowed by {people(new.needed)} in {format_duration(new.until - new.asked)}{said}")


def people(count: int) -> str:
    return "one person" if count == 1 else f"{count} different people"
