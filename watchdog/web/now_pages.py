"""The pages Now and of one service: how everything stands, and what the policy would do next."""

from __future__ import annotations

from itertools import islice

from starlette.responses import HTMLResponse, Response

from watchdog.commands.explain import in_words
from watchdog.commands.status_lines import death_words, next_check, windows
from watchdog.commands.troubles import is_trouble
from watchdog.journal.store import Journal
from watchdog.model.errors import NothingMatched
from watchdog.model.incident import Incident
from watchdog.policy.explain import explain
from watchdog.system import clock
from watchdog.text.language import translated
from watchdog.web import look
from watchdog.web.asked import Asked
from watchdog.web.looks import Looks
from watchdog.web.rows import row
from watchdog.web.service_list import ServiceList

_RECENT = 5  # incidents on the page Now
_LOOKED_THROUGH = 200


class NowPages:
    """The page Now and its list."""

    def __init__(self, looks: Looks) -> None:
        self._list = ServiceList()
        looks.prepare = self._list.prepare

    def now(self, asked: Asked) -> Response:
        """Every service, the worst first; servers without a playbook; the last troubles."""
        drawn, recent = self._list.of(asked.site.looks.now()), _recent(asked.site.journal())
        return look.page(
            "now.html.j2", asked.site, asked.visitor, summary=drawn.summary, services=drawn.html, recent=recent
        )

    def services(self, asked: Asked) -> Response:
        """Only the list, for a page that is open; 204 if it would be the same as what the page shows."""
        drawn = self._list.of(asked.site.looks.now())
        if asked.query.get("seen") == drawn.seen:
            return Response(status_code=204)
        return HTMLResponse(drawn.html, headers={"cache-control": "no-store"})


def _recent(journal: Journal) -> tuple[Incident, ...]:
    found = journal.incidents(limit=_LOOKED_THROUGH)
    return tuple(islice(filter(is_trouble, found), _RECENT))


def service(asked: Asked) -> Response:
    """Everything about one, in the words of `wd status NAME` and `wd explain NAME`."""
    name = asked.path["name"]
    one = asked.site.looks.now().of(name)
    if one is None:
        what = translated("there is no service {name!r}", name=name)
        raise NothingMatched(what, todo=translated("The page Now shows them all."))
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
        memory=_drawn(one.memory),
        cpu=_drawn(one.cpu),
        past=tuple(islice(filter(is_trouble, journal.incidents(name, limit=_LOOKED_THROUGH)), 20)),
    )


def _drawn(curve: tuple[tuple[float, float], ...]) -> list[list[float]]:
    """As uPlot takes it: all moments, then all values."""
    return [[round(when, 1) for when, _ in curve], [value for _, value in curve]]
