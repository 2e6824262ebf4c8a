"""The page Fleet: all hosts that the shared store knows, their incidents, and what they have in common."""

from __future__ import annotations

from typing import Any

from starlette.responses import HTMLResponse, Response

from watchdog.fleet.overview import Overview, overview
from watchdog.store import address
from watchdog.system import clock
from watchdog.text.redact import redact_data
from watchdog.web import look
from watchdog.web.asked import Asked
from watchdog.web.shared_store import store_at

_SHOWN = 50  # incidents
_WEEK = 7 * 86400.0
_MOST = 5000  # rows that are looked through


def fleet(asked: Asked) -> Response:
    return look.page("fleet.html.j2", asked.site, asked.visitor, **_found(asked))


def body(asked: Asked) -> Response:
    """Only what changes, for a page that is open."""
    return HTMLResponse(look.part("fleet_body.html.j2", **_found(asked)), headers={"cache-control": "no-store"})


def _found(asked: Asked) -> dict[str, Any]:
    """BadConfig without a store, Lost if it does not answer."""
    store = store_at(address.needed(asked.site.home))
    from watchdog.store import loops, runs

    since = clock.now() - _WEEK
    heard = redact_data(store.do(loops.known))
    on_hosts = redact_data(store.do(lambda c: runs.newest_runs(c, _MOST, since)))
    incidents = redact_data(store.do(lambda c: runs.newest_incidents(c, _MOST, since)))
    view: Overview = overview(heard, on_hosts, incidents)
    return {"view": view, "incidents": incidents[:_SHOWN], "count": len(incidents)}
