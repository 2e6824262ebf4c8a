"""One question over HTTP with one total deadline, which always wins.

The time-outs of requests and urllib3 count for each read: a server that sends a byte a second holds them for ever, and
a socket that is shut from outside while headers arrive looks like a good answer. So plain http goes over a socket of
ours, where every operation gets only what is left of the deadline, and https goes through requests in a thread that is
left behind when the deadline comes first. Whatever is wrong on this machine (no descriptors, no names, no port, no
memory) is "local": it says nothing about the server and must never count against it.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import io
import ipaddress
import re
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import SplitResult, urljoin, urlsplit

if TYPE_CHECKING:
    import requests

Problem = Literal["", "timeout", "refused", "reset", "local", "tls", "other"]
Headers = Sequence[tuple[str, str]]

AGENT = "wd"
REDIRECTS = 3
_LOCAL = {
    getattr(errno, name)
    for name in ("EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EADDRNOTAVAIL", "EACCES", "EPERM", "ENETUNREACH", "ENETDOWN")
    if hasattr(errno, name)
}
_RESET = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED}
_ODD = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back within the deadline. `status` is None where no complete head of an answer arrived."""

    status: int | None
    body: bytes
    seconds: float
    problem: Problem = ""
    detail: str = ""
    truncated: bool = False  # there was more than the limit; it was not read
    location: str = ""  # where a redirect that was not followed points to


class _Trouble(Exception):
    """Ends one question; never leaves this file."""

    def __init__(self, problem: Problem, detail: str) -> None:
        super().__init__(detail)
        self.problem, self.detail = problem, detail


def ask(url: str, *, timeout: float, limit: int = 1 << 20, method: str = "GET", headers: Headers = ()) -> Reply:
    """Ask once; never raises. `timeout` is the total in seconds: names, connection, head, body and redirects together.

    At most `limit` bytes of the body are read. Redirects are followed up to three times and only on the same host.
    Variables such as http_proxy are ignored.
    """
    begun = time.monotonic()
    end = begun + timeout
    here, reply = url, Reply(None, b"", 0.0)
    for _ in range(REDIRECTS + 1):
        reply = _ask_once(here, end, limit, method, headers)
        if reply.problem or not reply.location:
            break
        onward = urljoin(here, reply.location)
        if not _same_place(here, onward):
            reply = replace(reply, problem="other", detail=f"redirects to another host: {onward[:200]}")
            break
        here = onward
    else:
        reply = replace(reply, problem="other", detail=f"redirects more than {REDIRECTS} times, last to {here[:200]}")
    seconds = time.monotonic() - begun
    if seconds > timeout + 0.1 and reply.problem == "":
        # We were not run for a while (stopped, suspended): what came then came too late.
        reply = replace(reply, problem="timeout", detail=f"no complete answer within {timeout:g} s")
    return replace(reply, seconds=seconds)


def _ask_once(url: str, end: float, limit: int, method: str, headers: Headers) -> Reply:
    try:
        parts = _split(url)
        if parts.scheme == "https":
            return _through_requests(url, end, limit, method, headers)
        return _plain(parts, end, limit, method, headers)
    except _Trouble as trouble:
        return Reply(None, b"", 0.0, trouble.problem, trouble.detail)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not _ODD.search(url)
    except ValueError:
        fine = False
    if not fine:
        raise _Trouble("local", f"{url[:200]!r} is no address that can be asked")
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


def _plain(parts: SplitResult, end: float, limit: int, method: str, headers: Headers) -> Reply:
    reply = None
    try:
        with _connect(str(parts.hostname), parts.port or 80, end) as sock:
            sock.settimeout(_left(end))
            sock.sendall(_request(parts, method, headers))
            with http.client.HTTPResponse(_Source(sock, end), method=method) as response:  # type: ignore[arg-type]
                response.begin()
                reply = Reply(response.status, b"", 0.0, location=_location(response.status, response.headers))
                if reply.location:
                    return reply
                body, more = _read_body(response, limit)
                return replace(reply, body=body, truncated=more)
    except _Trouble as trouble:
        problem, detail = trouble.problem, trouble.detail
    except TimeoutError:
        problem, detail = "timeout", "no complete answer in time"
    except OSError as error:
        problem, detail = _told(error)
    except (http.client.HTTPException, ValueError) as error:
        problem, detail = "other", f"no proper HTTP answer: {_short(error)}"
    except (MemoryError, RuntimeError) as error:
        problem, detail = "local", _short(error)
    return replace(reply or Reply(None, b"", 0.0), problem=problem, detail=detail)


def _read_body(response: http.client.HTTPResponse, limit: int) -> tuple[bytes, bool]:
    body = response.read(limit) if limit else b""
    more = bool(response.read(1)) if limit and len(body) == limit else False
    if not more and response.length:
        raise _Trouble("reset", f"the answer ended {response.length} bytes too early")
    return body, more


def _request(parts: SplitResult, method: str, headers: Headers) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"User-Agent: {AGENT}"]
    lines += ["Accept: */*", "Accept-Encoding: identity", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    if any("\r" in line or "\n" in line for line in lines):
        raise _Trouble("local", "a header with a line break cannot be sent")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")


def _location(status: int, headers: Any) -> str:
    return str(headers.get("Location") or "") if status in (301, 302, 303, 307, 308) else ""


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


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
        self._sock.settimeout(_left(self._end))
        return self._sock.recv_into(buffer)


def _connect(host: str, port: int, end: float) -> socket.socket:
    """Connect to the first address that answers; a server that listens on one family only is found on it."""
    last: OSError | None = None
    for family, address in _addresses(host, port, end):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(_left(end))
            sock.connect(address)
            # With nobody listening, a port of the ephemeral range can be connected to itself.
            if sock.getsockname() == sock.getpeername():
                raise ConnectionRefusedError(errno.ECONNREFUSED, "nobody listens there")
            return sock
        except OSError as error:
            sock.close()
            last = error
        except BaseException:
            sock.close()
            raise
    raise last or OSError(errno.EADDRNOTAVAIL, "no address")


def _addresses(host: str, port: int, end: float) -> list[tuple[int, tuple[Any, ...]]]:
    with contextlib.suppress(ValueError):
        version = ipaddress.ip_address(host).version
        return [(socket.AF_INET if version == 4 else socket.AF_INET6, (host, port))]
    found: list[Any] = []
    box: list[BaseException] = []

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except BaseException as error:  # noqa: BLE001  (handed over to the thread that waits)
            box.append(error)

    # getaddrinfo knows no time-out: the thread that hangs in it is left behind.
    _in_thread(look_up, end, "looking up the name took too long", "local")
    if box:
        raise _Trouble("local", f"the name {host!r} cannot be looked up: {_short(box[0])}")
    return [(one[0], one[4]) for one in found]


def _in_thread(work: Any, end: float, late: str, problem: Problem) -> None:
    done = threading.Event()

    def run() -> None:
        try:
            work()
        finally:
            done.set()

    try:
        threading.Thread(target=run, daemon=True, name="wd-ask").start()
    except (RuntimeError, MemoryError) as error:
        raise _Trouble("local", _short(error)) from error
    if not done.wait(max(0.0, end - time.monotonic())):
        raise _Trouble(problem, late)


def _through_requests(url: str, end: float, limit: int, method: str, headers: Headers) -> Reply:
    """Ask with requests, for https: its certificates, its names. Ends at the deadline whatever requests still does."""
    box: list[Reply] = []
    sockets: list[socket.socket] = []

    def work() -> None:
        box.append(_requests_reply(url, end, limit, method, headers, sockets))

    try:
        _in_thread(work, end, "no complete answer in time", "timeout")
    except _Trouble as trouble:
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # so that the thread left behind ends soon
        return Reply(None, b"", 0.0, trouble.problem, trouble.detail)
    return box[0] if box else Reply(None, b"", 0.0, "local", "the question could not be asked")


def _requests_reply(
    url: str, end: float, limit: int, method: str, headers: Headers, sockets: list[socket.socket]
) -> Reply:
    import requests

    try:
        with _session(sockets) as session:
            named = {"User-Agent": AGENT, "Accept-Encoding": "identity", "Connection": "close", **dict(headers)}
            answer = session.request(method, url, headers=named, timeout=_left(end), stream=True, allow_redirects=False)
            reply = Reply(answer.status_code, b"", 0.0, location=_location(answer.status_code, answer.headers))
            if reply.location:
                return reply
            body = answer.raw.read(limit + 1, decode_content=False)
            return replace(reply, body=body[:limit], truncated=len(body) > limit)
    except requests.RequestException as error:
        problem, detail = _requests_told(error)
    except (OSError, ValueError) as error:
        problem, detail = _told(error)
    except Exception as error:  # noqa: BLE001  (urllib3's own errors leave raw.read unwrapped)
        problem, detail = _told(error)
    return Reply(None, b"", 0.0, problem, detail)


def _session(sockets: list[socket.socket]) -> requests.Session:
    """A session without the environment's proxies, which tells the sockets that it opens."""
    import requests
    import urllib3
    from requests.adapters import HTTPAdapter

    class Told(urllib3.connection.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            if self.sock is not None:
                sockets.append(self.sock)

    class ToldPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Told

    session = requests.Session()
    session.trust_env = False
    adapter = HTTPAdapter(max_retries=0)
    adapter.poolmanager.pool_classes_by_scheme = {
        **adapter.poolmanager.pool_classes_by_scheme,
        "https": ToldPool,
    }
    session.mount("https://", adapter)
    return session


def _requests_told(error: requests.RequestException) -> tuple[Problem, str]:
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return "tls", _short(error)
    if isinstance(error, requests.Timeout):
        return "timeout", "no complete answer in time"
    return _told(error)


def _told(error: BaseException) -> tuple[Problem, str]:
    """Which kind of trouble this is; libraries wrap the system's error, so the whole chain is looked at."""
    seen: list[BaseException] = []
    queue: list[Any] = [error]
    while queue and len(seen) < 20:
        one = queue.pop(0)
        if isinstance(one, BaseException) and one not in seen:
            seen.append(one)
            queue += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    for one in seen:
        if isinstance(one, socket.gaierror) or (isinstance(one, OSError) and one.errno in _LOCAL):
            return "local", _short(one)
        if isinstance(one, (MemoryError, RuntimeError)):
            return "local", _short(one)
    for one in seen:
        if isinstance(one, TimeoutError):
            return "timeout", "no complete answer in time"
        if isinstance(one, ConnectionRefusedError):
            return "refused", "nobody listens there"
        if isinstance(one, http.client.RemoteDisconnected):
            return "reset", "the connection was closed without an answer"
        if isinstance(one, OSError) and one.errno in _RESET:
            return "reset", "the connection was reset"
    return "other", _short(error)


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".strip(": ")[:200]
