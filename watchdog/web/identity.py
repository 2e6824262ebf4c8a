"""Who asks: a token, a proxy's word, a session's cookie, or the user that runs wd on this machine."""

from __future__ import annotations

import hmac
import secrets

from starlette.requests import Request
from starlette.responses import Response

from watchdog.system.host import accounts
from watchdog.web.site import Site
from watchdog.web.users import Role
from watchdog.web.visitors import Visitor
from watchdog.web.wire import is_own_user

_OWN = "own-"  # begins the cookie of a browser that needs no sign-in


def cookie_name(site: Site) -> str:
    """With the prefix a browser takes it over TLS only, and from this host only."""
    return "__Host-wd" if site.entrance.is_secure else "wd"


def visitor_of(site: Site, request: Request, source: str, cookie: str) -> tuple[Visitor | None, str, bool]:
    """(who it is, the cookie that belongs to it, whether the browser has to be given that cookie)."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        user = site.users.by_token(token.strip())
        return (Visitor(user.name, user.role, source) if user else None), cookie, False
    if site.entrance.proxy_user:
        name = request.headers.get(site.entrance.proxy_user, "")
        known = site.users.people()
        role: Role = known[name].role if name in known else "view"
        return _with_form(site, name, role, source, cookie) if name else (None, cookie, False)
    if signed_in := site.sessions.user(cookie):
        user = site.users.people().get(signed_in)  # somebody who was removed is out at once
        if user:
            return Visitor(user.name, user.role, source, site.sessions.form_key(cookie)), cookie, False
    if is_own_user(request, site.entrance):
        return _with_form(site, accounts.our_name(), "act", source, cookie)
    return None, cookie, False


def _with_form(site: Site, name: str, role: Role, source: str, cookie: str) -> tuple[Visitor, str, bool]:
    """Somebody who needs no sign-in; the cookie only ties the forms to this browser."""
    is_new = not cookie.startswith(_OWN)
    if is_new:
        cookie = _OWN + secrets.token_urlsafe(32)
    return Visitor(name, role, source, site.sessions.form_key(cookie)), cookie, is_new


def set_cookie(site: Site, response: Response, cookie: str) -> None:
    response.set_cookie(
        cookie_name(site), cookie, path="/", secure=site.entrance.is_secure, httponly=True, samesite="strict"
    )


def same(given: str, wanted: str) -> bool:
    """Without telling by its time how much of it is right."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
