"""Asks the server while it is looked at: some faults show only while a request is in flight.

One question at a time, in its own thread. A question that is not answered yet is evidence too: "pending".
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from watchdog.model.evidence import Answer, Configured
from watchdog.model.process import Tree
from watchdog.system import clock
from watchdog.system.net import grpc_health, http
from watchdog.targets import addresses

PAUSE = 0.25  # seconds between an answer and the next question
_PATIENCE = 2.0  # times the limit
_STATES = {grpc_health.SERVING: 200, "UNKNOWN": 503, "NOT_SERVING": 503}  # of the health service of gRPC
_VERDICTS = {
    "timeout": "timeout",
    "refused": "refused",
    "reset": "reset",
    "local": "local",
    "tls": "unknown",
    "certificate": "unknown",
}


def places(configured: Configured, tree: Tree | None, scheme: str = "http") -> tuple[str, ...]:
    """Where to ask: the playbook's health page alone, else the usual pages of the port; empty without a port."""
    if configured.url:
        return (configured.url,)
    port = configured.port or (tree.ports[0] if tree and tree.ports else None)
    if port is None:
        return ()
    hosts = {listener.address for listener in tree.listeners if listener.port == port} if tree else set()
    any_v4 = not hosts or bool(hosts & {"0.0.0.0", "127.0.0.1", "::", ""})
    base = addresses.base(port, "" if any_v4 else sorted(hosts)[0], scheme)
    return tuple(base + path for path in addresses.PATHS)


Ask = Callable[[str, float], http.Reply]


def ask_http(url: str, timeout: float) -> http.Reply:
    return http.ask(url, timeout=timeout, limit=65536)


def ask_grpc(url: str, timeout: float) -> http.Reply:
    """The health service of a gRPC server, its answer as the status that means the same in HTTP."""
    host, _, port = url.removeprefix("grpc://").partition("/")[0].rpartition(":")
    found = grpc_health.ask(host.strip("[]"), int(port), timeout=timeout)
    status = _STATES.get(found.state)
    return http.Reply(status, b"", found.seconds, found.problem, found.detail or found.state)


class Asking(Protocol):
    """Somebody who keeps a question to the server in flight, or knows of one."""

    def answers(self) -> tuple[Answer, ...]:
        """All so far, the open one as "pending"."""

    @property
    def overdue(self) -> bool:
        """Whether the open question has waited for longer than a good answer may take."""

    def stop(self) -> None:
        """No more is wanted."""


class Questions:
    """Asks again and again until `stop`; `limit` is the time that a good answer may take.

    Of several places the first that has a page is asked; where none has one, the last. `sparing`: after one question
    that was not answered no more are asked, since each may keep a thread of the server.
    """

    def __init__(
        self,
        places: Sequence[str],
        limit: float,
        *,
        strict: bool,
        begun: float,
        ask: Ask = ask_http,
        sparing: bool = False,
    ) -> None:
        self._ask, self._sparing = ask, sparing
        self._url, self._others = places[0], list(places[1:])
        self._limit, self._strict, self._begun = limit, strict, begun
        self._answers: list[Answer] = []
        self._asked: float | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        threading.Thread(target=self._run, name="questions", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def answers(self) -> tuple[Answer, ...]:
        """All so far, the open one as "pending"."""
        with self._lock:
            answers, asked = tuple(self._answers), self._asked
        if asked is None:
            return answers
        return (*answers, Answer(asked - self._begun, self._url, "pending", clock.monotonic() - asked))

    @property
    def overdue(self) -> bool:
        """Whether the open question has waited for longer than a good answer may take."""
        with self._lock:
            return self._asked is not None and clock.monotonic() - self._asked >= self._limit

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                self._asked = clock.monotonic()
            # Longer than the limit: an answer beyond it is late, not lost, and that is another trouble.
            reply = self._ask(self._url, _PATIENCE * self._limit)
            with self._lock:
                assert self._asked is not None
                self._answers.append(self._answer(self._asked, reply))
                self._asked = None
                if reply.status == addresses.NO_PAGE and self._others:
                    self._url = self._others.pop(0)
                # Nobody said that it speaks HTTP, and it does not: it is not to be bothered again.
                if not self._strict and self._answers[-1].verdict not in ("ok", "slow", "late", "timeout"):
                    break
                if self._sparing and self._answers[-1].verdict == "timeout":
                    break
            self._stop.wait(PAUSE)

    def _answer(self, asked: float, reply: http.Reply) -> Answer:
        at = asked - self._begun
        if reply.problem:
            verdict = _VERDICTS.get(reply.problem, "failed")
        elif reply.seconds > self._limit:
            verdict = "late"
        elif self._strict and reply.status is not None and (reply.status >= 500 or reply.status == addresses.NO_PAGE):
            verdict = "failed"
        else:
            verdict = "ok" if reply.seconds <= self._limit * 0.3 else "slow"
        return Answer(at, self._url, verdict, reply.seconds, reply.status, reply.detail)
