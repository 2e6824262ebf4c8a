"""The site: which address leads to which page, and what one may need for it."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from watchdog.model.errors import NothingMatched
from watchdog.report import render
from watchdog.text.language import translated
from watchdog.web import (
    alerts,
    api,
    fleet_pages,
    history_pages,
    incident_pages,
    now_pages,
    question_pages,
    sign_in_pages,
)
from watchdog.web.asked import Asked, Handler, Need, endpoint
from watchdog.web.look import HERE
from watchdog.web.other_servers import OtherServers
from watchdog.web.site import Site
from watchdog.web.wire import Guard

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def make(site: Site) -> Starlette:
    """The whole application; nothing is looked at before somebody asks."""

    def route(path: str, handler: Handler, need: Need = "view", method: str = "GET") -> Route:
        return Route(path, endpoint(site, handler, need), methods=[method])

    pages = now_pages.NowPages(site.looks)
    return Starlette(
        routes=[
            route("/", pages.now),
            route("/now/services", pages.services),
            route("/now/others", OtherServers().show),
            route("/services/{name}", now_pages.service),
            route("/incidents/{id}", incident_pages.incident),
            route("/incidents/{id}/body", incident_pages.body),
            route("/incidents/{id}/evidence/{path:path}", incident_pages.evidence),
            route("/incidents/{id}/compare/{other}", incident_pages.comparison),
            route("/incidents/{id}/note", incident_pages.note, "act", "POST"),
            route("/questions/{id}", question_pages.question),
            route("/questions/{id}", question_pages.answer, "act", "POST"),
            route("/yes/{id}/{key}", question_pages.linked, "nothing"),
            route("/yes/{id}/{key}", question_pages.answer_linked, "nothing", "POST"),
            route("/history", history_pages.history),
            route("/fleet", fleet_pages.fleet),
            route("/fleet/body", fleet_pages.body),
            route("/sign-in", sign_in_pages.form, "nothing"),
            route("/sign-in", sign_in_pages.sign_in, "nothing", "POST"),
            route("/sign-out", sign_in_pages.sign_out, "view", "POST"),
            route("/v1/status", api.status),
            route("/v1/incidents", api.incidents),
            route("/v1/incidents/{id}", api.incident),
            route("/v1/alerts", alerts.receive, "alert", "POST"),
            route("/v1/openapi.json", api.openapi),
            route("/metrics", api.metrics),
            route("/static/{name}", _static, "nothing"),
            route("/healthz", _healthz, "nothing"),
            route("/{rest:path}", _nothing_here, "nothing"),
        ],
        middleware=[
            Middleware(Guard, entrance=site.entrance),
            Middleware(GZipMiddleware, minimum_size=2000, compresslevel=4),
        ],
    )


def _static(asked: Asked) -> Response:
    """Files of this room, and the look of the reports: one home for the colours."""
    name = asked.path["name"]
    path = _FILES.get(name)
    if path is None:
        raise NothingMatched(translated("there is no file {name!r}", name=name))
    return FileResponse(path, media_type=_TYPES[path.suffix], headers={"cache-control": "no-cache"})


def _files() -> dict[str, Path]:
    own = {path.name: path for path in (HERE / "static").iterdir() if path.suffix in _TYPES}
    return own | {"report.css": render.LOOK}


_FILES = _files()


def _healthz(asked: Asked) -> Response:
    """For whoever watches the watcher: the page answers, and its store can be read."""
    asked.site.journal().last_sample()
    return PlainTextResponse("ok\n")


def _nothing_here(asked: Asked) -> Response:
    raise NothingMatched(translated("there is no such page"), todo=translated("The pages are Now and History."))
