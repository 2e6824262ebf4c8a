"""The list of services on the page Now, drawn once for each look and language, however many pages are open.

What changed since the last look is drawn again; the rest is taken over. The thread that took the look draws it, so
whoever asks meanwhile gets the list before it.
"""

from __future__ import annotations

import hashlib
import threading
from typing import Any

from markupsafe import Markup

from watchdog.commands.standing import Standing, worst_of
from watchdog.model.records import record
from watchdog.system import clock
from watchdog.text.language import current, speaking, translated, translated_count, translated_word
from watchdog.web import look
from watchdog.web.looks import Look
from watchdog.web.rows import row

_WATCHED = 10.0  # seconds for which a language is drawn after somebody has asked for it
_LASTS = 60.0  # seconds after which a row is drawn again: how long its state has lasted stands in it


@record(frozen=True)
class Drawn:
    """The list of one look."""

    look: Look
    summary: str
    seen: str  # changes when the list does
    html: Markup


@record(frozen=True)
class _Row:
    made_of: tuple[Any, ...]
    at: float  # on the monotonic clock
    seen: str
    html: Markup


class ServiceList:
    """`of` from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn: dict[str, Drawn] = {}  # by language
        self._rows: dict[tuple[str, str], _Row] = {}  # by language and service
        self._asked: dict[str, float] = {}  # when somebody last asked in that language, on the monotonic clock

    def prepare(self, found: Look) -> None:
        """Draw it in each language that somebody watches."""
        edge = clock.monotonic() - _WATCHED
        for language in [one for one, at in tuple(self._asked.items()) if at > edge]:
            with speaking(language):
                self._brought_up(found)

    def of(self, found: Look) -> Drawn:
        """The list of this look, or of a newer one."""
        self._asked[current()] = clock.monotonic()
        drawn = self._drawn.get(current())
        return drawn if drawn is not None and drawn.look.at >= found.at else self._brought_up(found)

    def _brought_up(self, found: Look) -> Drawn:
        with self._lock:
            drawn = self._drawn.get(current())
            if drawn is None or drawn.look.at < found.at:
                drawn = self._drawn[current()] = self._draw(found)
            return drawn

    def _draw(self, found: Look) -> Drawn:
        at = clock.now()
        kept, self._rows = self._rows, {key: one for key, one in self._rows.items() if key[0] != current()}
        rows = [self._row(one, at, kept) for one in found.found]
        summary = _summary(found)
        seen = _digest((summary, found.broken, [one.seen for one in rows]))
        values = {"summary": summary, "broken": found.broken, "seen": seen}
        html = look.part("now_services.html.j2", rows=[one.html for one in rows], **values)
        return Drawn(found, summary, seen, Markup(html))

    def _row(self, one: Standing, at: float, kept: dict[tuple[str, str], _Row]) -> _Row:
        key, made_of, now = (current(), one.playbook.service), _made_of(one), clock.monotonic()
        drawn = kept.get(key)
        if drawn is None or drawn.made_of != made_of or now - drawn.at > _LASTS:
            shown = row(one, at)
            # How long something has lasted is counted by the page itself, so it is no reason to send the list again.
            drawn = _Row(made_of, now, _digest(shown), Markup(look.part("now_row.html.j2", row=shown)))
        self._rows[key] = drawn
        return drawn


def _made_of(one: Standing) -> tuple[Any, ...]:
    """All that a row shows, except how long it has been so."""
    return (
        one.state, one.since, one.message, one.answers, one.figures[:1], one.playbook.policy, one.gave_up, one.question,
        one.approval, one.holder, one.desired, one.next_check is None,
    )  # fmt: skip


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def _summary(found: Look) -> str:
    """The words of `wd status -o json`."""
    if not found.found and not found.broken:
        return translated("no service: the home has no playbook")
    worst = translated_word(worst_of(found.found, bool(found.broken)), "service")
    return translated_count(
        "{count} service, the worst is {worst}", "{count} services, the worst is {worst}", len(found.found), worst=worst
    )
