"""The proof between two batches: a command, an address or a question to Prometheus, until it holds or time is over."""

from __future__ import annotations

import json
import shlex
from urllib.parse import quote

from watchdog.model.errors import WrongUsage
from watchdog.system import clock
from watchdog.system.child import commands
from watchdog.system.net import http

_ONCE = 30.0  # seconds for one attempt
_PAUSE = 1.0
_PROMETHEUS = "prometheus"


def check(proof: str) -> None:
    """WrongUsage for one that can never hold."""
    try:
        words = shlex.split(proof)
    except ValueError as error:
        raise WrongUsage(f"--verify {proof!r}: {error}", todo="Close the quotation.") from error
    if not words or (words[0] == _PROMETHEUS and len(words) < 3):
        raise WrongUsage(
            f"--verify {proof!r} is not complete",
            todo="Write an address, a command, or: prometheus http://HOST:9090 EXPRESSION",
        )


def fails(proof: str, within: float) -> str:
    """Why it does not hold; empty once it does."""
    deadline = clock.Deadline(within)
    while True:
        reason = _once(proof, max(1.0, min(_ONCE, deadline.left)))
        if not reason or deadline.over:
            return reason
        clock.sleep(min(_PAUSE, deadline.left))


def _once(proof: str, timeout: float) -> str:
    words = shlex.split(proof)
    if words[0] == _PROMETHEUS:
        return _query(words[1], " ".join(words[2:]), timeout)
    if words[0].startswith(("http://", "https://")):
        return _address(words[0], timeout)
    done = commands.run(words, timeout=timeout)
    if done.ok:
        return ""
    ended = "took too long" if done.timed_out else done.error or f"ended with {done.code or done.signal}"
    return f"{words[0]} {ended}: {done.output.strip()[-200:]}".rstrip(": ")


def _address(url: str, timeout: float) -> str:
    reply = http.ask(url, timeout=timeout)
    if reply.problem:
        return f"{url}: {reply.detail or reply.problem}"
    return "" if reply.status is not None and 200 <= reply.status < 300 else f"{url} answers {reply.status}"


def _query(server: str, expression: str, timeout: float) -> str:
    """It holds if there is a value and none is 0, as a condition such as `up == 1` or `errors < 5` gives it."""
    url = f"{server.rstrip('/')}/api/v1/query?query={quote(expression, safe='')}"
    reply = http.ask(url, timeout=timeout)
    if reply.problem or reply.status != 200:
        return f"{server}: {reply.detail or reply.problem or f'answers {reply.status}'}"
    try:
        found = json.loads(reply.body)["data"]
        pairs = [found["result"]] if found["resultType"] == "scalar" else [one["value"] for one in found["result"]]
        values = [float(value) for _, value in pairs]
    except (ValueError, KeyError, TypeError):
        return f"{server} gives no answer of Prometheus"
    if not values:
        return f"{expression} gives no value"
    return "" if all(value == value and value != 0 for value in values) else f"{expression} gives {min(values):g}"
