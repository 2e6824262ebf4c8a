"""`POST /v1/alerts`: Alertmanager's webhook (version 4; Grafana sends the same with fields beside it).

Authenticate, claim, answer: an alert is in the journal before 202 is sent, and the loop acts on it later. What cannot
be written down is 503, so that its sender tries again.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from watchdog.model.alert import Alert
from watchdog.model.errors import WdError
from watchdog.model.playbook import Playbook
from watchdog.policy import lock_files
from watchdog.system import clock
from watchdog.text.printable import printable
from watchdog.web import shared_store
from watchdog.web.asked import Asked, Wrong

_MOST = 500  # alerts of one call
_LONGEST = 500  # characters of a text that is kept
_OLDEST = 366 * 86400.0  # seconds: an alert that began earlier has a wrong clock


def receive(asked: Asked) -> Response:
    """202 with what became of each alert. 400 if there is nothing in it that wd could act on."""
    found = _alerts(asked.json())
    services = {one.playbook.service: one.playbook for one in asked.site.looks.now().found}
    told = [_take(asked, number, one, services) for number, one in enumerate(found)]
    if all(one["outcome"] == "ignored" for one in told):
        raise Wrong(400, "no alert names what wd could act on", "; ".join(one["why"] for one in told[:5]), _TODO)
    claimed = {one["service"] for one in told if one["outcome"] == "claimed"}
    runs = all(lock_files.loop_of(asked.site.state, service) for service in claimed)
    return JSONResponse({"outcome": "ok", "error": None, "alerts": told, "loop": runs}, 202)


_TODO = "Give the alert a label `service`, and the playbook of that service a trigger `on: alert`."


def _alerts(body: Any) -> list[Any]:
    """Wrong (400) with the place of what is not as version 4 has it."""
    if not isinstance(body, Mapping):
        raise Wrong(400, "the body is not an object")
    found = body.get("alerts")
    if not isinstance(found, list):
        raise Wrong(400, "alerts is not a list")
    if not found:
        raise Wrong(400, "alerts is empty")
    if len(found) > _MOST:
        raise Wrong(400, f"more than {_MOST} alerts in one call")
    for number, one in enumerate(found):
        if wrong := _why_wrong(one):
            raise Wrong(400, f"alerts[{number}]{wrong}")
    return found


def _why_wrong(one: Any) -> str:
    if not isinstance(one, Mapping):
        return " is not an object"
    if one.get("status") not in ("firing", "resolved"):
        return ".status is neither firing nor resolved"
    labels = one.get("labels")
    if not isinstance(labels, Mapping) or not all(isinstance(text, str) for text in labels.values()):
        return ".labels is not an object of texts"
    if not isinstance(one.get("annotations", {}), Mapping):
        return ".annotations is not an object"
    if not isinstance(one.get("fingerprint", ""), str):
        return ".fingerprint is not a text"
    return "" if _moment(one.get("startsAt")) is not None else ".startsAt is not a time such as 2026-01-31T03:00:12Z"


def _moment(text: Any) -> float | None:
    """Seconds since the epoch."""
    if not isinstance(text, str) or not 20 <= len(text) <= 40:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.timestamp() if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _take(asked: Asked, number: int, one: Mapping[str, Any], services: Mapping[str, Playbook]) -> dict[str, Any]:
    labels: Mapping[str, str] = one["labels"]
    fingerprint = (one.get("fingerprint") or _fingerprint(labels))[:_LONGEST]
    service = labels.get("service", "")
    told = {"fingerprint": fingerprint, "service": service, "outcome": "ignored", "why": ""}
    if one["status"] == "resolved":
        known = _stored(asked, lambda: asked.site.journal().resolve_alert(fingerprint))
        return told | {"outcome": "resolved" if known else "known", "why": "wd goes by its own proof"}
    runbook = labels.get("runbook", "")
    if why := _why_ignored(number, service, runbook, services):
        return told | {"why": why}
    now = clock.now()
    begin = _moment(one["startsAt"]) or now
    starts = begin if now - _OLDEST < begin <= now else now
    new = Alert(
        id=_id(fingerprint, starts),
        fingerprint=fingerprint,
        starts=starts,
        service=service,
        runbook=runbook,
        detail=_detail(labels, one.get("annotations") or {}),
        by=asked.person.name,
        received=now,
    )
    return told | {"outcome": _claimed(asked, new)}


def _claimed(asked: Asked, new: Alert) -> str:
    """With a shared store, one of the controllers that it calls takes it. Wrong (503) if the store does not answer."""

    def write(alert: Alert) -> str:
        return str(_stored(asked, lambda: asked.site.journal().take_alert(alert)))

    try:
        return shared_store.claimed(asked.site, new, write)
    except WdError as error:
        raise Wrong(503, error.what, error.why, error.todo or "Send it again.") from None


def _stored(asked: Asked, write: Any) -> Any:
    """Wrong (503) if it is not on the disk now."""
    lost = Wrong(503, "the journal takes nothing", "The alert was not taken.", "Send it again.")
    try:
        done = None if asked.site.journal().in_memory else write()
    except sqlite3.Error:
        raise lost from None
    if done is None or asked.site.journal_is_lost:
        raise lost
    return done


def _why_ignored(number: int, service: str, runbook: str, services: Mapping[str, Playbook]) -> str:
    place = f"alerts[{number}]"
    if not service:
        return f"{place} has no label `service`"
    playbook = services.get(service)
    if playbook is None:
        return f"{place}: there is no service {printable(service)[:60]!r}"
    if not any(one.kind == "alert" for one in playbook.triggers):
        return f"{place}: the playbook of {service} has no trigger `on: alert`"
    if runbook and not any(runbook in one.run for one in playbook.triggers):
        return f"{place}: no trigger of {service} names the runbook {printable(runbook)[:60]!r}"
    return ""


def _id(fingerprint: str, starts: float) -> str:
    """The same for every delivery and every controller."""
    return hashlib.sha256(f"{fingerprint}\0{starts!r}".encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _fingerprint(labels: Mapping[str, str]) -> str:
    text = "\0".join(f"{name}\0{value}" for name, value in sorted(labels.items()))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _detail(labels: Mapping[str, str], annotations: Mapping[str, Any]) -> str:
    """ "HighLatency: answers take 4 s", from what an alert usually bears."""
    said = next((annotations[key] for key in ("summary", "description", "message") if annotations.get(key)), "")
    name = labels.get("alertname", "an alert")
    return printable(f"{name}: {said}" if said else name)[:_LONGEST]
