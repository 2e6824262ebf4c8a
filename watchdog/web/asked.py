"""From a request to a page: who asks, what they may, what they sent; and every error as a page in plain words."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl, quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from watchdog.model.errors import BadConfig, NothingMatched, Refused, WdError, WrongUsage
from watchdog.model.records import record
from watchdog.text.language import ENGLISH, speaking, translated, wanted
from watchdog.watch import log
from watchdog.web import identity, look
from watchdog.web.site import Site
from watchdog.web.visitors import Visitor
from watchdog.web.wire import source_of

Need = Literal["nothing", "view", "act", "alert"]
_FORM = 64 << 10  # bytes of a form
_JSON = 2 << 20  # bytes of a call with alerts
_FIELDS = 50
_STATUS: tuple[tuple[type[WdError], int], ...] = (
    (NothingMatched, 404),
    (Refused, 409),
    (WrongUsage, 400),
    (BadConfig, 400),
    (WdError, 503),
)


class Wrong(WdError):
    """A request that gets this status and these words."""

    def __init__(self, status: int, what: str, why: str = "", todo: str = "") -> None:
        super().__init__(what, why, todo)
        self.status = status


@record(frozen=True)
class Asked:
    """One request, read to its end."""

    site: Site
    visitor: Visitor | None  # None: nobody who is known
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    body: bytes
    headers: Mapping[str, str]
    cookie: str
    source: str
    url: str

    @property
    def person(self) -> Visitor:
        if self.visitor is None:
            raise Wrong(401, translated("sign in first"))
        return self.visitor

    def json(self) -> Any:
        """Wrong (400) for what is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Wrong(400, "the body is not JSON") from None


Handler = Callable[[Asked], Response]


def endpoint(site: Site, handler: Handler, need: Need = "view") -> Callable[[Request], Awaitable[Response]]:
    """A handler as Starlette wants it. It runs in a thread, so it may read files and the journal."""

    async def answer(request: Request) -> Response:
        try:
            body = await _body(request, _JSON if need == "alert" else _FORM)
        except (Wrong, ClientDisconnect) as error:
            wrong = error if isinstance(error, Wrong) else Wrong(400, translated("the request ended before its end"))
            return _in_words(wrong, request.url.path, None, site)
        return await run_in_threadpool(_answer, site, handler, need, request, body)

    return answer


async def _body(request: Request, most: int) -> bytes:
    """Wrong (413) as soon as there is too much of it."""
    if request.method in ("GET", "HEAD"):
        return b""
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > most:
            raise Wrong(413, translated("the request is larger than {size} KiB", size=most >> 10))
    return bytes(found)


def _answer(site: Site, handler: Handler, need: Need, request: Request, body: bytes) -> Response:
    with speaking(_language(request, site)):
        return _answered(site, handler, need, request, body)


def _language(request: Request, site: Site) -> str:
    """Of a page; what other programs read is English."""
    if _is_for_programs(request.url.path):
        return ENGLISH
    return site.language or wanted(request.headers.get("accept-language", ""))


def _is_for_programs(path: str) -> bool:
    return path.startswith(("/v1/", "/metrics"))


def _answered(site: Site, handler: Handler, need: Need, request: Request, body: bytes) -> Response:
    visitor: Visitor | None = None
    path = request.url.path
    try:
        source = source_of(request, site.entrance)
        cookie = request.cookies.get(identity.cookie_name(site), "")
        visitor, cookie, is_new = identity.visitor_of(site, request, source, cookie)
        form = _form(request, body)
        asked = Asked(
            site, visitor, request.path_params, dict(request.query_params), form, body, request.headers, cookie,
            source, path,
        )  # fmt: skip
        if refusal := _why_not(asked, need, request):
            return refusal
        response = handler(asked)
        if is_new:
            identity.set_cookie(site, response, cookie)
        return response
    except WdError as error:
        return _in_words(error, path, visitor, site)
    except Exception as error:  # noqa: BLE001 - the edge: a defect of ours is one line, and the server goes on
        log.say("", f"a defect in wd: {path}: {type(error).__name__}: {error}", "ERROR")
        return _in_words(Wrong(500, translated("a defect in wd"), type(error).__name__), path, visitor, site)


def _form(request: Request, body: bytes) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return {}
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_FIELDS))
    except ValueError:
        raise Wrong(400, translated("the form has too many fields")) from None


def _why_not(asked: Asked, need: Need, request: Request) -> Response | None:
    """A refusal, or a way to the sign-in."""
    visitor = asked.visitor
    if need == "nothing":
        return None
    if visitor is None:
        if _is_for_programs(asked.url):
            return _problem(401, Wrong(401, "a token is needed"), {"www-authenticate": "Bearer"})
        if request.method != "GET" or not asked.site.users.people():
            todo = translated("Add a user: {command}", command="`wd web --add-user NAME --role act`")
            raise Wrong(401, translated("sign in first"), why_nobody(asked.site), todo)
        return RedirectResponse(f"/sign-in?next={quote(asked.url)}", 303)
    if need == "alert":
        if visitor.role not in ("alert", "act"):
            raise Wrong(403, translated("{name} may look, and not send alerts", name=visitor.name))
        if visitor.role == "act":
            check_form(asked, request.headers)
        return None
    if visitor.role == "alert" and not _is_for_programs(asked.url):
        raise Wrong(403, translated("a token is for programs; a person signs in"))
    if need == "act":
        if not visitor.may_act:
            what = translated("{name} may look, and not act", name=visitor.name)
            raise Wrong(403, what, todo=translated("Ask somebody with the role act."))
        check_form(asked, request.headers)
    return None


def check_form(asked: Asked, headers: Mapping[str, str]) -> None:
    """Only a form of our own page, in this very browser, changes anything. Wrong (403) otherwise."""
    check_origin(headers, asked.site)
    given = asked.form.get("form_key", "") or headers.get("x-form-key", "")
    if not asked.visitor or not asked.visitor.form_key or not identity.same(given, asked.visitor.form_key):
        what = translated("this form is not one of this page, or it is too old")
        raise Wrong(403, what, todo=translated("Load the page again."))


def check_origin(headers: Mapping[str, str], site: Site) -> None:
    origin, host = headers.get("origin"), headers.get("host", "")
    scheme = "https" if site.entrance.is_secure else "http"
    if origin is not None and origin.lower() != f"{scheme}://{host}".lower():
        raise Wrong(403, translated("this request comes from another site"))
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Wrong(403, translated("this request comes from another site"))


def why_nobody(site: Site) -> str:
    """Why somebody on this machine is not let in without signing in."""
    if site.entrance.proxy or not site.entrance.address.is_local:
        return translated("This address is open to others.")
    return translated("Without signing in only the user that runs wd, and root, are let in.")


def _in_words(error: WdError, path: str, visitor: Visitor | None, site: Site) -> Response:
    status = (
        error.status if isinstance(error, Wrong) else next(code for kind, code in _STATUS if isinstance(error, kind))
    )
    if _is_for_programs(path):
        return _problem(status, error)
    return look.page("error.html.j2", site, visitor, status, error=error)


def _problem(status: int, error: WdError, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"outcome": "failed", "error": error.record()}, status, headers)
