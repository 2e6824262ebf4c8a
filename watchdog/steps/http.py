"""`http`: one request to the server or beside it, such as a milder remedy than a restart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watchdog.model.errors import WrongUsage
from watchdog.steps.bounds import time_left
from watchdog.steps.spec import Context, StepResult
from watchdog.system.net.http import ask
from watchdog.text.redact import redact
from watchdog.text.units import format_duration

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


def http(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Send it once and wait for the whole answer. WrongUsage for a method, or an address, that cannot be used."""
    method = str(options["method"]).upper()
    if method not in METHODS:
        raise WrongUsage(f"{method[:20]!r} is not a method that is used here", todo=f"Use one of {', '.join(METHODS)}.")
    url = _address(context, str(options["url"]))
    what = f"{method} {redact(url)}"
    if context.dry_run:
        return StepResult("planned", what)
    reply = ask(url, timeout=time_left(context, options["timeout"]), method=method, limit=64 * 1024)
    data = {"url": redact(url), "method": method, "status": reply.status, "seconds": round(reply.seconds, 3)}
    if reply.problem == "local":
        return StepResult("unknown", f"{what} could not be asked: {reply.detail}", data)
    if reply.problem:
        return StepResult("failed", f"{what}: {reply.detail or reply.problem}", data)
    expected = options["expect"]
    fine = reply.status == expected if expected is not None else (reply.status or 599) < 400
    told = f"{what}: {reply.status} in {format_duration(reply.seconds)}"
    if fine:
        return StepResult("ok", told, data)
    wanted = f", not {expected}" if expected is not None else ""
    return StepResult("failed", told + wanted, data)


def _address(context: Context, url: str) -> str:
    if not url.startswith("/"):
        return url
    port = (context.playbook.find.port if context.playbook else None) or context.selector.port
    if port is None:
        raise WrongUsage(f"{url[:80]!r} is a path alone", "no service with a port is meant", "Write the whole address.")
    return f"http://127.0.0.1:{port}{url}"
