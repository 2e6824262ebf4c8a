"""What a host answered as lines of the table: one a server or service, with its state and its cause. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from watchdog.fleet.records import Line, Reply
from watchdog.model.causes import CAUSES
from watchdog.model.exits import Exit, exit_of

# The worst first. What could not be told is worse than a warning, as everywhere.
ORDER = (Exit.CRITICAL, Exit.REFUSED, Exit.UNKNOWN, Exit.INTERRUPTED, Exit.WARNING, Exit.FINE, Exit.NOTHING)
Row = Mapping[str, Any]


def lines_of(command: str, reply: Reply) -> list[Line]:
    """At least one line; a host without an answer has its reason there."""
    name = reply.host.name
    if reply.reached != "answered":
        return [Line(name, reply.reached, Exit.UNKNOWN, "-", reply.reason, f"{reply.reached}: {reply.reason}")]
    error = reply.result.get("error") or {}
    found = list(_READERS[command](reply))
    if found or not error:
        return found or [Line(name, "ok", Exit.FINE, "-", _NOTHING[command])]
    code = exit_of_host(reply)
    if code is Exit.NOTHING:
        return [Line(name, "nothing", code, "-", str(error.get("what") or _NOTHING[command]))]
    text = ": ".join(filter(None, (str(error.get("what")), str(error.get("why") or ""))))
    return [Line(name, code.name.lower(), code, "-", text, text)]


def exit_of_host(reply: Reply) -> Exit:
    """What this host adds to the exit code of all together: wd's own there, or that nothing is known of it."""
    if reply.reached != "answered" or reply.code is None:
        return Exit.UNKNOWN
    return Exit(reply.code) if reply.code in [int(code) for code in Exit] else Exit.UNKNOWN


def worst(codes: Iterable[Exit]) -> Exit:
    """The exit code of all together. A host where nothing matched counts only if no host has a match."""
    return min(codes, key=ORDER.index)


def _why(reply: Reply) -> Iterator[Line]:
    for row in reply.rows or ([reply.result] if "verdict" in reply.result else []):
        verdict = str(row["verdict"])
        finding = next(iter(row.get("findings") or ()), None)
        where = _place(finding)
        text = ": ".join(filter(None, (where, finding["summary"] if finding else "")))
        rank = _rank(verdict, reply)
        cause = " at ".join(filter(None, (verdict, where))) if rank is not Exit.FINE else ""
        yield Line(reply.host.name, verdict, rank, _what(row.get("target") or {}), text, cause)


def _rank(verdict: str, reply: Reply) -> Exit:
    """By the kind of the cause, and never worse than what the host's own exit code says of all together."""
    kind = exit_of(CAUSES[verdict].kind) if verdict in CAUSES else Exit.UNKNOWN
    return max(kind, exit_of_host(reply), key=ORDER.index)


def _place(finding: Row | None) -> str:
    culprit = (finding or {}).get("culprit")
    if not culprit:
        return ""
    function = f" in {culprit['function']}" if culprit.get("function") else ""
    return f"{culprit['file']}:{culprit['line']}{function}"


def _what(target: Row) -> str:
    """A server as a person would name it: its service, else its ports, else its pid."""
    ports = " ".join(f":{port}" for port in target.get("ports") or ())
    return str(target.get("service") or ports or (f"pid {target['pid']}" if "pid" in target else "-"))


def _ps(reply: Reply) -> Iterator[Line]:
    for row in reply.rows:
        verdict = str(row["verdict"])
        words = " ".join(map(str, row.get("cmdline") or [row.get("name")]))
        yield Line(reply.host.name, verdict, exit_of(verdict), _what(row), words)


def _status(reply: Reply) -> Iterator[Line]:
    yield from (_service(reply, row) for row in reply.rows)


def _tick(reply: Reply) -> Iterator[Line]:
    yield from (_service(reply, row) for row in reply.result.get("services") or ())


def _service(reply: Reply, row: Row) -> Line:
    state, text = str(row["state"]), str(row.get("message") or "")
    rank = exit_of(state)
    cause = f"{row['service']} {state}" if rank is not Exit.FINE else ""
    return Line(reply.host.name, state, rank, str(row["service"]), text, cause)


_READERS: dict[str, Callable[[Reply], Iterator[Line]]] = {"ps": _ps, "why": _why, "status": _status, "tick": _tick}
_NOTHING = {
    "ps": "no Python server runs",
    "why": "no server hangs",
    "status": "there is no service",
    "tick": "there is no service",
}
