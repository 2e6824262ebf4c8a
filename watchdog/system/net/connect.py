"""A TCP connection within a deadline, names looked up included, and what an error on the way to an answer means.

Whatever is wrong on this machine (no descriptors, no names, no port, no memory) is "local": it says nothing about the
server and must never count against it. All of these are OSError, as a refused connection is: the number tells.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

# elsewhere: another process than the one that is asked about has taken the connection, and was not asked.
Problem = Literal["", "timeout", "refused", "reset", "local", "tls", "certificate", "elsewhere", "other"]

_LOCAL = {
    getattr(errno, name)
    for name in ("EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EADDRNOTAVAIL", "EACCES", "EPERM", "ENETUNREACH", "ENETDOWN")
    if hasattr(errno, name)
}
_RESET = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED}
LATE = "no complete answer in time"


class Trouble(Exception):
    """Why there is no answer. The caller catches it: a failure is data."""

    def __init__(self, problem: Problem, detail: str) -> None:
        super().__init__(detail)
        self.problem, self.detail = problem, detail


def left(end: float) -> float:
    """Seconds until the moment `end` of the monotonic clock; TimeoutError if it is over."""
    seconds = end - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def connect(host: str, port: int, end: float) -> socket.socket:
    """Connect to the first address that answers, until the moment `end`: a server may listen on one family only.

    Trouble for a name that cannot be looked up; OSError otherwise (`explain` tells what it means).
    """
    last: OSError | None = None
    for family, address in _addresses(host, port, end):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(left(end))
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
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits
            box.append(error)

    # getaddrinfo knows no time-out: the thread that hangs in it is left behind.
    in_thread(look_up, end, Trouble("local", "looking up the name took too long"))
    if box:
        raise Trouble("local", f"the name {host!r} cannot be looked up: {short(box[0])}")
    return [(one[0], one[4]) for one in found]


def in_thread(work: Callable[[], None], end: float, late: Trouble) -> None:
    """Run `work` in a thread until the moment `end`; if it takes longer it is left behind and `late` is raised."""
    done = threading.Event()

    def run() -> None:
        try:
            work()
        finally:
            done.set()

    try:
        threading.Thread(target=run, daemon=True, name="wd-ask").start()
    except (RuntimeError, MemoryError) as error:
        raise Trouble("local", short(error)) from error
    if not done.wait(max(0.0, end - time.monotonic())):
        raise late


def explain(error: BaseException) -> tuple[Problem, str]:
    """Which kind of trouble an error is; libraries wrap the system's error, so the whole chain is looked at."""
    if isinstance(error, Trouble):
        return error.problem, error.detail
    chain = _chain(error)
    for one in chain:
        if isinstance(one, (socket.gaierror, MemoryError, RuntimeError)):
            return "local", short(one)
        # An SSLError carries OpenSSL's own number 1, which is EPERM among the system's.
        if isinstance(one, OSError) and not isinstance(one, ssl.SSLError) and one.errno in _LOCAL:
            return "local", short(one)
    for one in chain:
        if isinstance(one, TimeoutError):
            return "timeout", LATE
        if isinstance(one, ssl.SSLError):
            return "certificate" if "CERTIFICATE" in (one.reason or "") else "tls", short(one)
        if isinstance(one, ConnectionRefusedError):
            return "refused", "nobody listens there"
        if isinstance(one, http.client.RemoteDisconnected):
            return "reset", "the connection was closed without an answer"
        if isinstance(one, OSError) and one.errno in _RESET:
            return "reset", "the connection was reset"
    if isinstance(error, (http.client.HTTPException, ValueError)):
        return "other", f"no proper HTTP answer: {short(error)}"
    return "other", short(error)


def _chain(error: BaseException) -> list[BaseException]:
    seen: list[BaseException] = []
    queue: list[Any] = [error]
    while queue and len(seen) < 20:
        one = queue.pop(0)
        if isinstance(one, BaseException) and one not in seen:
            seen.append(one)
            queue += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return seen


def short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".strip(": ")[:200]
