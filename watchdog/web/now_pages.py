"""The pages Now and of one service: how everything stands, and what the policy would do next."""

from __future__ import annotations

import hashlib
import threading
from itertools import islice

from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from watchdog.commands.explain import in_words
from watchdog.commands.standing import worst_of
from watchdog.commands.status_lines import death_words, next_check, windows
from watchdog.commands.troubles import is_trouble
from watchdog.journal.store import Journal
from watchdog.model.errors import NothingMatched
from watchdog.model.incident import Incident
from watchdog.model.records import record
from watchdog.policy.explain import explain
from watchdog.system import clock
from watchdog.text.language import current, translated, translated_count, translated_word
from watchdog.web import look
from watchdog.web.asked import Asked
from watchdog.web.looks import Look
from watchdog.web.rows import Row, row

_RECENT = 5  # incidents on the page Now
_LOOKED_THROUGH = 200


class NowPages:
    """The page Now and its list. The list is drawn once for each look, however many pages are open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn: dict[str, _Drawn] = {}  # by language

    def now(self, asked: Asked) -> Response:
        """Every service, the worst first; servers without a playbook; the last troubles."""
        drawn, recent = self._list(asked.site.looks.now()), _recent(asked.site.journal())
        return look.page(
            "now.html.j2", asked.site, asked.visitor, summary=drawn.summary, services=drawn.html, recent=recent
        )

    def services(self, asked: Asked) -> Response:
        """Only the list, for a page that is open; 204 if it would be the same as what the page shows."""
        drawn = self._list(asked.site.looks.now())
        if asked.query.get("seen") == drawn.seen:
            return Response(status_code=204)
        return HTMLResponse(drawn.html, headers={"cache-control": "no-store"})

    def _list(self, found: Look) -> _Drawn:
        with self._lock:
            drawn = self._drawn.get(current())
            if drawn is None or drawn.look is not found:
                drawn = self._drawn[current()] = _draw(found)
            return drawn


@record(frozen=True)
class _Drawn:
    look: Look
    summary: str
    seen: str  # changes when the list does
    html: Markup


def _draw(found: Look) -> _Drawn:
    at = clock.now()
    rows = [row(one, at) for one in found.found]
    summary = _summary(rows, found)
    # How long something has lasted is counted by the page itself, so it is no reason to send the list again.
    seen = hashlib.sha256(repr((rows, found.broken, summary)).encode()).hexdigest()[:16]
    html = look.part("now_services.html.j2", rows=rows, summary=summary, broken=found.broken, seen=seen)
    return _Drawn(found, summary, seen, Markup(html))


def _summary(rows: list[Row], found: Look) -> str:
    """The words of `wd status -o json`."""
    if not rows and not found.broken:
        return translated("no service: the home has no playbook")
    worst = translated_word(worst_of(found.found, bool(found.broken)), "service")
    return translated_count(
        "{count} service, the worst is {worst}", "{count} services, the worst is {worst}", len(rows), worst=worst
    )


def _recent(journal: Journal) -> tuple[Incident, ...]:
    found = journal.incidents(limit=_LOOKED_THROUGH)
    return tuple(islice(filter(is_trouble, found), _RECENT))


def service(asked: Asked) -> Response:
    """Everything about one, in the words of `wd status NAME` and `wd explain NAME`."""
    name = asked.path["name"]
    one = asked.site.looks.now().of(name)
    if one is None:
        raise NothingMatched(f"there is no service {name!r}", todo="The page Now shows them all.")
    at = clock.now()
    journal = asked.site.journal()
    return look.page(
        "service.html.j2",
        asked.site,
        asked.visitor,
        one=one,
        row=row(one, at),
        next_check=next_check(one, at),
        windows=tuple(windows(one.figures, one.playbook.policy.target)),
        deaths=tuple(death_words(record, why, at) for record, why in one.deaths),
        policy=tuple(in_words(one.playbook, explain(one.playbook))),
        memory=[[round(when, 1) for when, _ in one.memory], [value for _, value in one.memory]],
        past=tuple(islice(filter(is_trouble, journal.incidents(name, limit=_LOOKED_THROUGH)), 20)),
    )
