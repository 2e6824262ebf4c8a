"""Alerts in the journal: taken once for each outage, and waiting until an incident answers them."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any, Literal

from watchdog.journal.rows import typed
from watchdog.model.alert import Alert

Taken = Literal["claimed", "known"]
_KEPT = 92 * 86400.0  # seconds
_COLUMNS = "id, fingerprint, starts, service, runbook, detail, by, received, deliveries, resolved, over, confirmed"
_NO_RUN = "NOT EXISTS (SELECT 1 FROM incidents WHERE incidents.alert = alerts.id AND outcome != 'interrupted')"
_NO_END = "NOT EXISTS (SELECT 1 FROM incidents WHERE incidents.alert = alerts.id AND incidents.closed IS NOT NULL)"


def take(db: sqlite3.Connection, new: Alert) -> Taken:
    """Known is what was delivered before, and what is the same alert again while a run for it is not over."""
    db.execute("DELETE FROM alerts WHERE received < ?", (new.received - _KEPT,))
    before = db.execute(
        f"SELECT id FROM alerts WHERE fingerprint = ? AND (starts = ? OR (over = '' AND {_NO_END})) LIMIT 1",
        (new.fingerprint, new.starts),
    ).fetchone()
    if before:
        db.execute("UPDATE alerts SET deliveries = deliveries + 1 WHERE id = ?", before)
        return "known"
    db.execute(
        f"INSERT INTO alerts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, NULL, '', ?)",
        (
            new.id,
            new.fingerprint,
            new.starts,
            new.service,
            new.runbook,
            new.detail,
            new.by,
            new.received,
            new.confirmed,
        ),
    )
    return "claimed"


def resolve(db: sqlite3.Connection, fingerprint: str, now: float) -> bool:
    """Note that its sender calls it over; whether there was one."""
    done = db.execute("UPDATE alerts SET resolved = ? WHERE fingerprint = ? AND resolved IS NULL", (now, fingerprint))
    return bool(done.rowcount)


def waiting(db: sqlite3.Connection) -> tuple[Alert, ...]:
    """Those that no run was begun for, or only one that was cut off; oldest first."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM alerts WHERE over = '' AND {_NO_RUN} ORDER BY received, rowid")
    return tuple(map(_alert, rows.fetchall()))


def waits(db: sqlite3.Connection, name: str) -> bool:
    """Whether a run may begin for it now."""
    ready = f"SELECT 1 FROM alerts WHERE id = ? AND over = '' AND confirmed AND {_NO_RUN}"
    return bool(db.execute(ready, (name,)).fetchone())


def confirm(db: sqlite3.Connection, name: str) -> None:
    db.execute("UPDATE alerts SET confirmed = 1 WHERE id = ?", (name,))


def end(db: sqlite3.Connection, name: str, why: str) -> None:
    db.execute("UPDATE alerts SET over = ? WHERE id = ?", (why, name))


def many(db: sqlite3.Connection, limit: int) -> tuple[Alert, ...]:
    """Newest first."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM alerts ORDER BY received DESC, rowid DESC LIMIT ?", (limit,))
    return tuple(map(_alert, rows.fetchall()))


def _alert(row: tuple[Any, ...]) -> Alert:
    told = typed(row, "ttnttttnnNtn")
    return replace(Alert(*told[:-1]), confirmed=bool(told[-1]))
