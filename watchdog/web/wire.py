"""Below the pages: which connections are taken, how long a client may take, and what stands on every answer."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from watchdog.model.errors import CannotTell
from watchdog.system.net import listening
from watchdog.web.address import host_of
from watchdog.web.entrance import Entrance

REQUEST_WITHIN = 10.0  # seconds from the beginning of a connection, or of the next request on it, to the whole request
ANSWER_WITHIN = 30.0  # seconds for the answer, its sending included
MOST_CONNECTIONS = 400
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_ON_EVERY_ANSWER = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with no-referrer a browser would hide the origin of our own forms too
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class BoundedProtocol(H11Protocol):
    """A client that does not send its request in time, or takes its answer too slowly, is hung up on.

    It costs one connection and no thread. When there are too many, the oldest that has not sent a request yet goes.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._limit: asyncio.TimerHandle | None = None
        self._expect(REQUEST_WITHIN)
        if len(self.connections) > MOST_CONNECTIONS:
            waiting = (one for one in self.connections if isinstance(one, BoundedProtocol) and one.cycle is None)
            oldest = min(waiting, key=lambda one: one.since, default=self)
            oldest.transport.abort()

    def _expect(self, seconds: float) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self.since = self.loop.time()
        self._limit = self.loop.call_later(seconds, self._too_late)

    def _too_late(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:  # a whole head has come
            self._expect(REQUEST_WITHIN + ANSWER_WITHIN)

    def send_400_response(self, msg: str) -> None:
        """A body that breaks the protocol comes while its request is answered: that answer has nobody left."""
        if self.cycle is None:
            super().send_400_response(msg)
            return
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        self.transport.abort()

    def on_response_complete(self) -> None:
        self._expect(REQUEST_WITHIN + self.timeout_keep_alive)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._limit is not None:
            self._limit.cancel()
        super().connection_lost(exc)


class Guard:
    """The Host header, the way through a proxy, the headers of every answer, and the longest time for one."""

    def __init__(self, app: ASGIApp, entrance: Entrance) -> None:
        self._app, self._entrance = app, entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _ON_EVERY_ANSWER.items():
                    headers.setdefault(name, value)
                if self._entrance.is_secure:
                    headers.setdefault("strict-transport-security", "max-age=31536000")
            await send(message)

        if refusal := _why_not(scope, self._entrance):
            await refusal(scope, receive, send_guarded)
            return
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._app(scope, receive, send_guarded)
        except TimeoutError:
            if not started:
                late = PlainTextResponse(f"There was no answer within {ANSWER_WITHIN:g} s.\n", 503)
                await late(scope, receive, send_guarded)
        except asyncio.CancelledError:  # the server ends, and its patience with requests is over
            if not started:
                await PlainTextResponse("The page ends.\n", 503)(scope, receive, send_guarded)


def _why_not(scope: Scope, entrance: Entrance) -> PlainTextResponse | None:
    headers = Headers(scope=scope)
    hosts = headers.getlist("host")
    if len(hosts) != 1 or host_of(hosts[0]) not in entrance.hosts:
        return PlainTextResponse("This page is not served under that name (`wd web --name NAME` adds one).\n", 421)
    through = any(name in headers for name in ("forwarded", "x-forwarded-for", "via"))
    if not entrance.proxy:
        return PlainTextResponse("A proxy must be named: `wd web --proxy ADDRESS`\n", 403) if through else None
    peer = scope["client"][0] if scope.get("client") else ""
    if peer != entrance.proxy:
        return PlainTextResponse("Requests come through the proxy only.\n", 403)
    if headers.get("x-forwarded-proto", "").lower() != "https":
        return PlainTextResponse("The proxy must take HTTPS and say so: X-Forwarded-Proto: https\n", 403)
    return None


def source_of(request: HTTPConnection, entrance: Entrance) -> str:
    """The address of the client; behind a proxy the last one that the proxy itself has added."""
    if entrance.proxy and (given := request.headers.get("x-forwarded-for")):
        return given.rpartition(",")[2].strip()[:64]
    return request.client.host if request.client else ""


def is_own_user(request: HTTPConnection, entrance: Entrance) -> bool:
    """Whether a program of our own user, or of root, asks over this machine's own network."""
    client: Any = request.client
    if entrance.proxy or not entrance.address.is_local or client is None:
        return False
    server = request.scope.get("server") or ("", 0)
    try:
        return listening.is_ours_or_roots(client.port, int(server[1] or 0))
    except CannotTell:  # whom nobody can name is not trusted
        return False
