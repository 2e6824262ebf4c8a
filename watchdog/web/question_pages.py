"""Questions of the loop, answered on the page by who may act, or by the link of a notification.

A link is good for one answer to one question, and ends with it. GET shows; only POST decides, for programs that fetch
every link of a message ahead.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from starlette.responses import RedirectResponse, Response

from watchdog.commands.answers import give, waits_for, what_became
from watchdog.model.approval import Approval
from watchdog.model.errors import BadConfig, NothingMatched, Refused
from watchdog.runbook import document
from watchdog.system import clock
from watchdog.text.language import marked, translated
from watchdog.web import identity, look
from watchdog.web.asked import Asked, Wrong, check_origin

_LONGEST_NAME = 60


def question(asked: Asked) -> Response:
    """For somebody who is signed in."""
    return _page(asked, _named(asked), f"/questions/{asked.path['id']}")


def answer(asked: Asked) -> Response:
    one, person = _named(asked), asked.person
    give(asked.site.journal(), one, _given(asked), f"{person.name} (page, from {person.source})", person.name)
    asked.site.looks.again()
    return RedirectResponse(f"/questions/{one.id}", 303)


def linked(asked: Asked) -> Response:
    """Whoever holds the link needs no sign-in; it shows this question and nothing else."""
    return _page(asked, _by_link(asked), asked.url)


def answer_linked(asked: Asked) -> Response:
    check_origin(asked.headers, asked.site)
    one = _by_link(asked)
    given, name = _given(asked), " ".join(asked.form.get("name", "").split())[:_LONGEST_NAME]
    if given == "yes" and one.needed > 1 and asked.visitor is None:
        words = marked("{count} different people must say yes, and the link does not show who you are")
        command = f"`wd yes {one.service}`"
        todo = translated("Sign in to the page, or type {command}.", command=command)
        raise Refused(translated(words, count=one.needed), todo=todo)
    who = asked.visitor.name if asked.visitor else name or "somebody"
    give(asked.site.journal(), one, given, f"{who} (link, from {asked.source})", who)
    asked.site.looks.again()
    return RedirectResponse(asked.url, 303)


def _named(asked: Asked) -> Approval:
    found = asked.site.journal().approval(asked.path["id"])
    if found is None:
        raise NothingMatched(
            translated("there is no such question"), todo=translated("The page Now shows what is asked.")
        )
    return found


def _by_link(asked: Asked) -> Approval:
    """One answer for a wrong key and for a question that never was; after five of them a minute must pass."""
    tries, source = asked.site.tries, f"link from {asked.source}"
    if tries.is_too_many(source):
        raise Wrong(429, translated("too many wrong links"), todo=translated("Wait a minute."))
    journal = asked.site.journal()
    found, wanted = journal.approval(asked.path["id"]), journal.approval_key(asked.path["id"])
    given = hashlib.sha256(asked.path["key"].encode("utf-8", "surrogatepass")).hexdigest()
    if found is None or not wanted or not identity.same(given, wanted):
        tries.failed(source)
        raise NothingMatched(translated("there is no such question, or the link is not whole"))
    return found


def _given(asked: Asked) -> Literal["yes", "no"]:
    match asked.form.get("answer"):
        case "yes":
            return "yes"
        case "no":
            return "no"
    raise Wrong(400, translated("the answer is yes or no"))


def _page(asked: Asked, one: Approval, address: str) -> Response:
    is_open = one.is_open(clock.now())
    return look.page(
        "question.html.j2",
        asked.site,
        asked.visitor,
        question=one,
        is_open=is_open,
        became=waits_for(one) if is_open else what_became(one),
        address=address,
        by_link=address.startswith("/yes/"),
        steps=_steps(one, asked.site.home),
    )


def _steps(one: Approval, home: Path) -> tuple[str, ...]:
    """What a yes lets run, line by line."""
    try:
        return tuple(text for block in document.find(one.runbook, home).blocks for _, text in block.lines)
    except BadConfig:
        return ()
