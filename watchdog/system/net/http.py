"""One question over HTTP with one total deadline, which always wins.

The time-outs of requests and urllib3 count for each read: a server that sends a byte a second holds them for ever, and
a socket that is shut from outside while headers arrive looks like a good answer. So plain http goes over a socket of
ours, where every operation gets only what is left of the deadline, and https goes through requests in a thread that is
left behind when the deadline comes first. Whatever is wrong on this machine (no descriptors, no names, no port, no
memory) is "local": it says nothing about the server and must never count against it.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit

from watchdog.model.records import record
from watchdog.system.net.connect import LATE, Problem, Trouble, connect, explain, in_thread, left
from watchdog.text.units import format_duration

if TYPE_CHECKING:
    import requests

Headers = Sequence[tuple[str, str]]
Accepted = Callable[[socket.socket, float], bool]

AGENT = "wd"
REDIRECTS = 3
_ODD = re.compile(r"[\x00-\x20\x7f]")


@record(frozen=True)
class Reply:
    """What came back within the deadline. `status` is None where no complete head of an answer arrived."""

    status: int | None
    body: bytes
    seconds: float
    problem: Problem = ""
    detail: str = ""
    truncated: bool = False  # there was more than the limit; it was not read
    location: str = ""  # where a redirect that was not followed points to


def ask(
    url: str,
    *,
    timeout: float,
    limit: int = 1 << 20,
    method: str = "GET",
    headers: Headers = (),
    accepted: Accepted | None = None,
) -> Reply:
    """Ask once; never raises. `timeout` is the total in seconds: names, connection, head, body and redirects together.

    At most `limit` bytes of the body are read. Redirects are followed up to three times and only on the same host.
    Variables such as http_proxy are ignored. `accepted`, for plain http, says of the new connection before anything is
    sent whether the right process has it; if not, nothing is sent.
    """
    begun = time.monotonic()
    end = begun + timeout
    here, reply = url, Reply(None, b"", 0.0)
    for _ in range(REDIRECTS + 1):
        reply = _ask_once(here, end, limit, method, headers, accepted)
        if reply.problem or not reply.location:
            break
        onward = urljoin(here, reply.location)
        if not _same_place(here, onward):
            reply = replace(reply, problem="other", detail=f"redirects to another host: {onward[:200]}")
            break
        here = onward
    else:
        reply = replace(reply, problem="other", detail=f"redirects more than {REDIRECTS} times, last to {here[:200]}")
    return _in_our_time(replace(reply, seconds=time.monotonic() - begun), timeout)


def _in_our_time(reply: Reply, timeout: float) -> Reply:
    """Stopped or suspended ourselves, we know nothing of how long the server took: that is a local reason."""
    over = reply.seconds - timeout
    if (reply.problem == "" and over > 0.1) or (reply.problem == "timeout" and over > 1.0):
        return replace(reply, problem="local", detail=f"wd itself did not run for about {format_duration(over)}")
    return reply


def _ask_once(url: str, end: float, limit: int, method: str, headers: Headers, accepted: Accepted | None) -> Reply:
    try:
        parts = _split(url)
        if parts.scheme == "https":
            return _through_requests(url, end, limit, method, headers)
        return _plain(parts, end, limit, method, headers, accepted)
    except Trouble as trouble:
        return Reply(None, b"", 0.0, trouble.problem, trouble.detail)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not _ODD.search(url)
    except ValueError:
        fine = False
    if not fine:
        raise Trouble("local", f"{url[:200]!r} is not an address that can be asked")
    return parts


def _same_place(here: str, there: str) -> bool:
    """Same host and port, or the same host on its way from http to https."""
    try:
        one, two = urlsplit(here), urlsplit(there)
        return one.hostname == two.hostname and (
            (one.scheme, one.port) == (two.scheme, two.port) or (one.scheme, two.scheme) == ("http", "https")
        )
    except ValueError:
        return False


def _plain(
    parts: SplitResult, end: float, limit: int, method: str, headers: Headers, accepted: Accepted | None
) -> Reply:
    reply = None
    try:
        with connect(str(parts.hostname), parts.port or 80, end) as sock:
            if accepted is not None and not accepted(sock, end):
                raise Trouble("elsewhere", "another process has taken the connection")
            sock.settimeout(left(end))
            sock.sendall(_request(parts, method, headers))
            with http.client.HTTPResponse(_Source(sock, end), method=method) as response:  # type: ignore[arg-type]
                response.begin()
                location = _location(response.status, response.headers)
                reply = Reply(response.status, b"", 0.0, location=location)
                if location:
                    return reply
                body, more = _read_body(response, limit)
                return Reply(response.status, body, 0.0, truncated=more)
    except Exception as error:  # noqa: BLE001 - a question never raises: whatever it is, it is explained
        problem, detail = explain(error)
    return replace(reply or Reply(None, b"", 0.0), problem=problem, detail=detail)


def _read_body(response: http.client.HTTPResponse, limit: int) -> tuple[bytes, bool]:
    body = response.read(limit) if limit else b""
    more = bool(response.read(1)) if limit and len(body) == limit else False
    if not more and response.length:
        raise Trouble("reset", f"the answer ended {response.length} bytes too early")
    return body, more


def _request(parts: SplitResult, method: str, headers: Headers) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"User-Agent: {AGENT}"]
    lines += ["Accept: */*", "Accept-Encoding: identity", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    if any("\r" in line or "\n" in line for line in lines):
        raise Trouble("local", "a header with a line break cannot be sent")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")


def _location(status: int, headers: Any) -> str:
    return str(headers.get("Location") or "") if status in (301, 302, 303, 307, 308) else ""


class _Source:
    """What HTTPResponse reads from: a socket on which each read gets only what is left of the deadline."""

    def __init__(self, sock: socket.socket, end: float) -> None:
        self._raw = _Raw(sock, end)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._raw)


class _Raw(io.RawIOBase):
    def __init__(self, sock: socket.socket, end: float) -> None:
        self._sock, self._end = sock, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(left(self._end))
        return self._sock.recv_into(buffer)


def _through_requests(url: str, end: float, limit: int, method: str, headers: Headers) -> Reply:
    """Ask with requests, for https: its certificates, its names. Ends at the deadline whatever requests still does."""
    box: list[Reply] = []
    sockets: list[socket.socket] = []

    def work() -> None:
        box.append(_requests_reply(url, end, limit, method, headers, sockets))

    try:
        in_thread(work, end, Trouble("timeout", LATE))
    except Trouble as trouble:
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # so that the thread left behind ends soon
        return Reply(None, b"", 0.0, trouble.problem, trouble.detail)
    return box[0] if box else Reply(None, b"", 0.0, "local", "the question could not be asked")


def _requests_reply(
    url: str, end: float, limit: int, method: str, headers: Headers, sockets: list[socket.socket]
) -> Reply:
    try:
        with _session(sockets) as session:
            named = {"User-Agent": AGENT, "Accept-Encoding": "identity", "Connection": "close", **dict(headers)}
            answer = session.request(method, url, headers=named, timeout=left(end), stream=True, allow_redirects=False)
            reply = Reply(answer.status_code, b"", 0.0, location=_location(answer.status_code, answer.headers))
            if reply.location:
                return reply
            body = answer.raw.read(limit + 1, decode_content=False)
            return replace(reply, body=body[:limit], truncated=len(body) > limit)
    except Exception as error:  # noqa: BLE001 - a question never raises: whatever it is, it is explained
        return Reply(None, b"", 0.0, *explain(error))


def _session(sockets: list[socket.socket]) -> requests.Session:
    """A session without the environment's proxies, which tells the sockets that it opens."""
    import requests
    import urllib3
    from requests.adapters import HTTPAdapter

    class Trusting(HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **settings: Any) -> None:
            # The machine's own authorities (and SSL_CERT_FILE) beside those that requests brings: a server of the
            # house has a certificate of the house.
            super().init_poolmanager(*arguments, **settings, ssl_context=ssl.create_default_context())

    class Told(urllib3.connection.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            if self.sock is not None:
                sockets.append(self.sock)

    class ToldPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Told

    session = requests.Session()
    session.trust_env = False
    adapter = Trusting(max_retries=0)
    adapter.poolmanager.pool_classes_by_scheme = {
        **adapter.poolmanager.pool_classes_by_scheme,
        "https": ToldPool,
    }
    session.mount("https://", adapter)
    return session
