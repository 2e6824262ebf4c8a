"""Incidents and their steps in the journal's tables. Each function works inside a transaction of its caller."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

from watchdog.journal import chain
from watchdog.journal.rows import from_json, typed
from watchdog.model.errors import Failed, NothingMatched
from watchdog.model.incident import Incident, RunOutcome, StepRecord, Trigger
from watchdog.model.process import Identity
from watchdog.system import clock
from watchdog.system.process import processes
from watchdog.text.units import format_duration

OUTCOMES = frozenset(get_args(RunOutcome))
REPEAT_WINDOW = 7 * 86400.0  # seconds in which the same trouble counts as come back
_CHANGEABLE = frozenset(
    (
        *("outcome", "closed", "cause", "signature", "finding", "request", "downtime", "down_since", "folder"),
        *("report", "old_pids", "new_pid", "root_cause", "fix", "repeated", "overridden"),
        *("downtime_from", "downtime_exact", "changed"),
    )
)
_COLUMNS = (
    "id, opened, service, runbook, trigger_kind, trigger_detail, trigger_by, trigger_since, outcome, closed, cause, "
    "signature, finding, request, downtime, down_since, folder, report, old_pids, new_pid, root_cause, fix, "
    "repeated, overridden, trigger_typed, trigger_home, gave_up, downtime_from, downtime_exact, changed, "
    "agreed_by, alert"
)


def make_id(opened: float, about: str) -> str:
    """Sorts by time (UTC), safe as a file name, not guessable: two in one second differ."""
    stamp = datetime.fromtimestamp(opened, UTC).strftime("%Y-%m-%d-%H%M%S")
    return f"{stamp}-{re.sub(r'[^a-z0-9]+', '-', about.lower()).strip('-')[:40] or 'run'}-{os.urandom(3).hex()}"


def insert(db: sqlite3.Connection, incident: Incident, owner: Identity) -> None:
    trigger = incident.trigger
    db.execute(
        "INSERT INTO incidents (id, opened, service, runbook, trigger_kind, trigger_detail, trigger_by, trigger_since,"
        " owner, outcome, down_since, folder, trigger_typed, trigger_home, gave_up, agreed_by, alert)"
        f" VALUES ({', '.join('?' * 17)})",
        (
            incident.id,
            incident.opened,
            incident.service,
            incident.runbook,
            trigger.kind,
            trigger.detail,
            trigger.by,
            trigger.since,
            str(owner),
            incident.outcome,
            incident.down_since,
            incident.folder,
            trigger.typed,
            trigger.home,
            trigger.gave_up,
            trigger.agreed_by,
            trigger.alert,
        ),
    )
    chain.append(db, incident.id)


def update(db: sqlite3.Connection, incident: str, fields: Mapping[str, Any]) -> None:
    """Set the named fields of an incident; a new signature also tells whether the trouble has come back."""
    if unknown := set(fields) - _CHANGEABLE:
        raise TypeError(f"an incident has no changeable field {min(unknown)!r}")
    if "outcome" in fields and fields["outcome"] not in OUTCOMES:
        raise TypeError(f"{fields['outcome']!r} is not an outcome of a run")
    values = {name: _stored(value) for name, value in fields.items()}
    if not values:
        return
    changes = ", ".join(f"{name} = ?" for name in values)
    if not db.execute(f"UPDATE incidents SET {changes} WHERE id = ?", (*values.values(), incident)).rowcount:
        raise Failed(f"the journal has no incident {incident!r}")
    if fields.get("signature"):
        db.execute("UPDATE incidents SET repeated = ? WHERE id = ?", (_repeated(db, incident), incident))
    chain.append(db, incident)


def _stored(value: Any) -> Any:
    if isinstance(value, tuple | list | dict):
        return json.dumps(value, default=str)
    return value


def begin_step(db: sqlite3.Connection, incident: str, number: int, step: str, text: str, by_hand: str) -> None:
    db.execute(
        "INSERT OR REPLACE INTO steps (incident, number, step, text, outcome, begun, seconds, message, by_hand)"
        " VALUES (?, ?, ?, ?, 'running', ?, 0, '', ?)",
        (incident, number, step, text, clock.now(), by_hand),
    )
    chain.append(db, incident, f"step {number}")


def end_step(
    db: sqlite3.Connection,
    incident: str,
    number: int,
    outcome: str,
    message: str,
    data: Mapping[str, Any] | None,
    seconds: float,
) -> None:
    stored = json.dumps(data, default=str) if data is not None else None
    done = db.execute(
        "UPDATE steps SET outcome = ?, message = ?, data = ?, seconds = ? WHERE incident = ? AND number = ?",
        (outcome, message, stored, seconds, incident, number),
    )
    if not done.rowcount:
        raise Failed(f"the journal has no step {number} of incident {incident!r}")
    chain.append(db, incident, f"step {number}")


def add_note(db: sqlite3.Connection, incident: str, at: float, by: str, text: str) -> None:
    db.execute("INSERT INTO notes VALUES (?, ?, ?, ?)", (incident, at, by, text))
    chain.append(db, incident, chain.NOTES)


def one(db: sqlite3.Connection, name: str) -> Incident:
    """By its id, by a part of it that fits only one, or "last". NothingMatched otherwise."""
    if name == "last":
        rows = db.execute(f"SELECT {_COLUMNS} FROM incidents ORDER BY opened DESC, rowid DESC LIMIT 1").fetchall()
    else:
        rows = db.execute(f"SELECT {_COLUMNS} FROM incidents WHERE id = ?", (name,)).fetchall()
        if not rows and len(name) >= 4:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM incidents WHERE instr(id, ?) ORDER BY opened DESC LIMIT 5", (name,)
            ).fetchall()
    if not rows and name == "last":
        raise NothingMatched("no incident was recorded", todo="`wd status` shows the services, `wd ps` every server")
    if not rows:
        raise NothingMatched(f"there is no incident {name!r}", todo="`wd incidents list` shows them")
    if len(rows) > 1:
        fits = ", ".join(row[0] for row in rows)
        raise NothingMatched(f"{name!r} fits more than one incident", fits, "write more of its id")
    found = _incident(rows[0])
    lines = db.execute(
        "SELECT number, step, text, outcome, begun, seconds, message, by_hand, data FROM steps WHERE incident = ?"
        " ORDER BY number",
        (found.id,),
    )
    steps = []
    for *line, data in lines:
        number, step, text, outcome, begun, seconds, message, by_hand = typed(tuple(line), "ntttnntt")
        steps.append(StepRecord(number, step, text, outcome, begun, seconds, message, from_json(data, dict), by_hand))
    notes = db.execute("SELECT at, author, text FROM notes WHERE incident = ? ORDER BY at, rowid", (found.id,))
    return replace(
        found,
        steps=tuple(steps),
        notes=tuple((at, author, text) for at, author, text in (typed(line, "ntt") for line in notes)),
        head=str(chain.head(db) or ""),
    )


def many(
    db: sqlite3.Connection, service: str | None, since: float, limit: int, outcome: str | None = None
) -> tuple[Incident, ...]:
    """Newest first, without their steps and notes."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM incidents WHERE opened >= :since AND (:service IS NULL OR service = :service)"
        " AND (:outcome IS NULL OR outcome = :outcome) ORDER BY opened DESC, rowid DESC LIMIT :limit",
        {"since": since, "service": service, "outcome": outcome, "limit": limit},
    )
    return tuple(_incident(row) for row in rows)


def outages(db: sqlite3.Connection, service: str, since: float) -> tuple[tuple[float, float], ...]:
    """(begin, end) of each time that it was down, of the runs opened since then."""
    rows = db.execute(
        "SELECT down_since, down_since + downtime FROM incidents WHERE service = ? AND opened >= ?"
        " AND down_since IS NOT NULL AND downtime IS NOT NULL",
        (service, since),
    )
    return tuple((begin, end) for begin, end in (typed(row, "nn") for row in rows))


def last_recoveries(db: sqlite3.Connection, since: float) -> dict[str, float]:
    """When the last outage of each service was over, of the runs opened since then that brought it back."""
    rows = db.execute(
        "SELECT service, max(down_since + downtime) FROM incidents WHERE opened >= ? AND outcome = 'recovered'"
        " AND service IS NOT NULL AND down_since IS NOT NULL AND downtime IS NOT NULL GROUP BY service",
        (since,),
    )
    return {row[0]: row[1] for row in rows if typed(row, "tn")}


def ended(db: sqlite3.Connection, since: float) -> tuple[tuple[int, float, float], ...]:
    """(pid, begin, end) of each process that a run ended, and when that run was; its end is infinite while it runs."""
    rows = db.execute("SELECT old_pids, opened, closed FROM incidents WHERE opened >= ? AND old_pids != '[]'", (since,))
    return tuple(
        (pid, begin, math.inf if end is None else end)
        for pids, begin, end in (typed(row, "tnN") for row in rows)
        for pid in from_json(pids, list)
    )


def cut_off(db: sqlite3.Connection, service: str | None) -> tuple[Incident, ...]:
    """Runs that are still open though the process that ran them is gone."""
    rows = db.execute("SELECT id, owner FROM incidents WHERE outcome = 'running' ORDER BY opened").fetchall()
    dead = [incident for incident, owner in rows if not _lives(owner)]
    found = []
    for incident in dead:
        with contextlib.suppress(NothingMatched):  # an id with a flipped bit in it finds nothing
            found.append(one(db, incident))
    return tuple(incident for incident in found if service is None or incident.service == service)


def _lives(owner: str) -> bool:
    try:
        return processes.is_alive(Identity.parse(owner))
    except (ValueError, TypeError):
        return False


def adopt(db: sqlite3.Connection, incident: str, owner: Identity) -> None:
    """Another process goes on with a run that was cut off."""
    db.execute("UPDATE incidents SET owner = ? WHERE id = ?", (str(owner), incident))


def same_signature(db: sqlite3.Connection, service: str | None, signature: str, since: float) -> tuple[Incident, ...]:
    """Earlier runs for the same trouble that did something, newest first."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM incidents WHERE service IS ? AND signature = ? AND opened >= ?"
        " AND outcome IN ('recovered', 'done', 'failed') ORDER BY opened DESC",
        (service, signature, since),
    )
    return tuple(_incident(row) for row in rows) if signature else ()


def _repeated(db: sqlite3.Connection, incident: str) -> str:
    """ "4th time in 7 days, same line; the last restart held 3h", or nothing when it is the first time."""
    now = one(db, incident)
    begin = now.opened - REPEAT_WINDOW
    before = [old for old in same_signature(db, now.service, now.signature, begin) if old.opened < now.opened]
    if not before:
        return ""
    text = _nth_time(len(before) + 1, REPEAT_WINDOW / 86400)
    last = next((old for old in before if old.outcome == "recovered" and old.closed is not None), None)
    if last is not None and last.closed is not None:
        began = now.down_since if now.down_since and now.down_since > last.closed else now.opened
        held = max(0.0, began - last.closed)
        text += f"; the last restart held {format_duration(held)}"
    return text


def _nth_time(number: int, days: float) -> str:
    """Whole sentences: each is a template for other languages."""
    last = 0 if number % 100 in (11, 12, 13) else number % 10
    special = {
        1: f"{number}st time in {days:g} days, same cause and line",
        2: f"{number}nd time in {days:g} days, same cause and line",
        3: f"{number}rd time in {days:g} days, same cause and line",
    }
    return special.get(last, f"{number}th time in {days:g} days, same cause and line")


def _incident(row: tuple[Any, ...]) -> Incident:
    typed(row, "tnTttttNtNttTtNNtttNttttttttnttt")
    return Incident(
        id=row[0],
        opened=row[1],
        service=row[2],
        runbook=row[3],
        trigger=Trigger(row[4], row[5], row[6], row[7], row[24], row[25], row[26], row[30], row[31]),
        outcome=row[8],
        closed=row[9],
        cause=row[10],
        signature=row[11],
        finding=from_json(row[12], dict),
        request=row[13],
        downtime=row[14],
        down_since=row[15],
        folder=row[16],
        report=row[17],
        old_pids=tuple(from_json(row[18], list)),
        new_pid=row[19],
        root_cause=row[20],
        fix=row[21],
        repeated=row[22],
        overridden=row[23],
        downtime_from=row[27],
        downtime_exact=bool(row[28]),
        changed=row[29],
    )
