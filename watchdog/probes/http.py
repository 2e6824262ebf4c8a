"""Does it answer, and rightly? The only probe that sees every hang: the server itself has to reply."""

from __future__ import annotations

import json
from typing import Any

from watchdog.model.kinds import Key
from watchdog.model.probing import Sample
from watchdog.probes.asked import Asked
from watchdog.probes.kind import ProbeKind
from watchdog.system.net.http import Reply, ask
from watchdog.text.units import format_duration

_MISSING = object()


def probe(asked: Asked) -> Sample:
    """ok or slow for a good answer, failed for none or a wrong one, unknown where the reason is not the server."""
    reply = ask(url_of(asked), timeout=asked.spec.timeout)
    if reply.problem in ("local", "tls", "certificate"):
        # A certificate that is not trusted here is not a hang: the server has answered, and no restart would fix it.
        return asked.unknown(reply.detail)
    if reply.problem == "timeout":
        return asked.answer("failed", f"no answer within {format_duration(asked.spec.timeout)}", reply.seconds, "s")
    if reply.problem:
        return asked.answer("failed", reply.detail or reply.problem, reply.seconds, "s")
    if wrong := _wrong(asked, reply):
        return asked.answer("failed", wrong, reply.seconds, "s")
    slow = asked.spec.setting("slow")
    took = f"answers {reply.status} in {format_duration(reply.seconds)}"
    if slow is not None and reply.seconds > slow:
        return asked.answer("slow", f"{took}, more than {format_duration(slow)}", reply.seconds, "s")
    return asked.answer("ok", took, reply.seconds, "s")


def url_of(asked: Asked) -> str:
    """The address; a path alone is meant on the service's port of this machine."""
    subject = str(asked.spec.subject)
    return f"http://127.0.0.1:{asked.playbook.find.port}{subject}" if subject.startswith("/") else subject


def _wrong(asked: Asked, reply: Reply) -> str:
    """What is wrong with an answer; empty if it is as the playbook wants it."""
    spec, status = asked.spec, reply.status or 0
    wanted = spec.setting("status")
    if wanted and status not in wanted:
        return f"answers {status}, not {' or '.join(map(str, wanted))}"
    if not wanted and not 200 <= status < 400:
        return f"answers {status}"
    text = spec.setting("contains")
    if text and text.encode() not in reply.body:
        if reply.truncated:
            return f"answers {status}, but without {text[:80]!r} in the first MiB"
        return f"answers {status}, but without {text[:80]!r}"
    fields = spec.setting("json")
    return _wrong_fields(dict(fields), reply) if fields else ""


def _wrong_fields(fields: dict[str, Any], reply: Reply) -> str:
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        return f"answers {reply.status}, but not with JSON"
    for path, wanted in fields.items():
        found = _field(answer, path)
        if found is _MISSING:
            return f"its answer has no field {path}"
        # True == 1 in Python, but not for somebody who wrote `ready: true`.
        if found != wanted or isinstance(found, bool) != isinstance(wanted, bool):
            return f"its answer says {path} is {str(found)[:80]!r}, not {wanted!r}"
    return ""


def _field(answer: Any, path: str) -> Any:
    """`db.state` is the field state of the field db; a number counts in a list."""
    here = answer
    for part in path.split("."):
        if isinstance(here, dict) and part in here:
            here = here[part]
        elif isinstance(here, list) and part.isdecimal() and int(part) < len(here):
            here = here[int(part)]
        else:
            return _MISSING
    return here


KIND = ProbeKind(
    Key("http", "link", "an address, or a path on the service's port"),
    "Does it answer? The only probe that sees every hang.",
    probe,
    keys=(
        Key("status", "statuses", "the statuses that count as good; by default any below 400"),
        Key("contains", "text", "a text that the answer must contain"),
        Key("json", "fields", "fields of a JSON answer with their values: {status: ok, db.state: up}"),
        Key("slow", "duration", "a good answer that took longer is slow", low=0.001, high=3600.0),
    ),
    answers=True,
    health=4,
)
