"""The page History: the ledger with its filters, and the last week as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from starlette.responses import Response

from watchdog.commands.troubles import is_trouble
from watchdog.model.incident import Incident
from watchdog.model.records import record
from watchdog.system import clock
from watchdog.text.language import translated, translated_word
from watchdog.text.units import format_duration
from watchdog.web import look
from watchdog.web.asked import Asked

_WEEK = 7 * 86400.0
_MOST = 2000  # runs of the journal that are looked through
_SHOWN = 100
_WIDTH = 700.0  # of the picture
_LEAST = 3.0  # the width of an outage that lasted a moment
_NAME = 65.0  # the width of a day's name, on a phone too
_SPANS = {"7d": _WEEK, "30d": 30 * 86400.0, "92d": 92 * 86400.0}


@record(frozen=True)
class Mark:
    """One outage in the picture."""

    id: str
    left: float
    width: float
    outcome: str
    words: str


@record(frozen=True)
class Lane:
    """A service in the picture."""

    service: str
    marks: tuple[Mark, ...]


def history(asked: Asked) -> Response:
    span = asked.query.get("since", "30d")
    service, outcome = asked.query.get("service", ""), asked.query.get("outcome", "")
    everything = asked.query.get("all") == "1"
    now = clock.now()
    found = asked.site.journal().incidents(None, now - _SPANS.get(span, _SPANS["30d"]), _MOST)
    troubles = [one for one in found if is_trouble(one)]
    wanted = [
        one
        for one in (found if everything else troubles)
        if service in ("", one.service or one.runbook) and outcome in ("", one.came_to)
    ]
    return look.page(
        "history.html.j2",
        asked.site,
        asked.visitor,
        incidents=tuple(wanted[:_SHOWN]),
        count=len(wanted),
        lanes=lanes(troubles, now),
        days=_days(now),
        services=sorted({one.service or one.runbook for one in found}),
        outcomes=sorted({one.came_to for one in found}),
        spans=tuple(_SPANS),
        chosen={"since": span, "service": service, "outcome": outcome, "all": everything},
    )


def lanes(troubles: Sequence[Incident], now: float) -> tuple[Lane, ...]:
    """Each service that had a trouble in the last week, with its outages."""
    found: dict[str, list[Mark]] = {}
    for one in troubles:
        begin = max(one.down_since or one.opened, now - _WEEK)
        if one.opened < now - _WEEK:
            continue
        lasted = one.downtime if one.downtime is not None else max(0.0, (one.closed or now) - begin)
        left = (begin - (now - _WEEK)) / _WEEK * _WIDTH
        width = max(_LEAST, min(lasted / _WEEK * _WIDTH, _WIDTH - left))
        left = min(left, _WIDTH - width)  # one that has just ended begins a little earlier, so that it is seen
        cause = one.root_cause or one.cause or translated("no cause is known")
        words = f"{_moment(begin)}: {translated_word(one.came_to, 'run')}, {format_duration(lasted)}: {cause}"
        found.setdefault(one.service or one.runbook, []).append(Mark(one.id, left, width, one.came_to, words))
    return tuple(Lane(name, tuple(marks)) for name, marks in sorted(found.items()))


def _days(now: float) -> tuple[tuple[float, str], ...]:
    """Where each day of the last week begins in the picture, with its name if that has room."""
    found = []
    for back in range(7):
        moment = datetime.fromtimestamp(now - back * 86400.0).astimezone().replace(hour=0, minute=0, second=0)
        left = (moment.timestamp() - (now - _WEEK)) / _WEEK * _WIDTH
        if left >= 0:
            found.append((round(left, 1), moment.strftime("%a") if left + _NAME <= _WIDTH else ""))
    return tuple(reversed(found))


def _moment(when: float) -> str:
    moment = datetime.fromtimestamp(when).astimezone()
    return f"{translated_word(moment.strftime('%a'), 'day')} {moment.strftime('%H:%M:%S')}"
