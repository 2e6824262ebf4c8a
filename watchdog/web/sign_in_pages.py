"""Signing in and out."""

from __future__ import annotations

import re
import threading

from starlette.responses import RedirectResponse, Response

from watchdog.text.language import translated
from watchdog.web import identity, look
from watchdog.web.asked import Asked, Wrong, check_origin

_AT_A_TIME = threading.BoundedSemaphore(2)  # passwords that are checked: each takes memory and time by design
_INSIDE = re.compile(r"/(?!/)[\w/.%-]*", re.ASCII)  # a page of ours, and not of another site


def form(asked: Asked) -> Response:
    return _page(asked, "", 200)


def sign_in(asked: Asked) -> Response:
    """One answer for a wrong name and a wrong password; after five of them a minute must pass."""
    check_origin(asked.headers, asked.site)
    name, password = asked.form.get("name", "")[:64], asked.form.get("password", "")
    sources = (f"from {asked.source}", f"as {name}")
    site = asked.site
    if site.tries.is_too_many(*sources):
        return _page(asked, translated("Too many wrong tries. Wait a minute."), 429)
    if not _AT_A_TIME.acquire(timeout=5.0):
        raise Wrong(429, translated("too many people sign in at this moment"), todo=translated("Try it again."))
    try:
        user = site.users.by_password(name, password)
    finally:
        _AT_A_TIME.release()
    if user is None:
        site.tries.failed(*sources)
        return _page(asked, translated("The name or the password is wrong."), 401)
    response = RedirectResponse(_next(asked), 303)
    identity.set_cookie(site, response, site.sessions.begin(user.name))
    return response


def sign_out(asked: Asked) -> Response:
    asked.site.sessions.end(asked.cookie)
    return RedirectResponse("/sign-in", 303)


def _page(asked: Asked, problem: str, status: int) -> Response:
    return look.page("sign_in.html.j2", asked.site, None, status, problem=problem, next=_next(asked))


def _next(asked: Asked) -> str:
    wanted = asked.form.get("next") or asked.query.get("next") or "/"
    return wanted if _INSIDE.fullmatch(wanted) else "/"
