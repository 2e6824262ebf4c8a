"""What the journal keeps of a service beside its incidents: what a person wants, restarts, the loop's memory."""

from __future__ import annotations

import sqlite3
from typing import Any

from watchdog.journal.rows import typed
from watchdog.model.incident import Desired, Restart

PAGE = "page"  # the memory, of no service, of where `wd web` is
RESTARTS_KEPT = 92 * 86400.0  # seconds


def set_desired(db: sqlite3.Connection, service: str, desired: Desired) -> None:
    db.execute(
        "INSERT OR REPLACE INTO desired VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            service,
            desired.state,
            desired.since,
            desired.until,
            int(desired.until_healthy),
            desired.by,
            desired.why,
        ),
    )


def desired(db: sqlite3.Connection, service: str, now: float) -> Desired:
    """Running, unless a person said otherwise and the time for it is not over."""
    row = db.execute(
        "SELECT state, since, until, until_healthy, author, why FROM desired WHERE service = ?", (service,)
    ).fetchone()
    return Desired() if row is None else _desired(row, now)


def desired_by_all(db: sqlite3.Connection, now: float) -> dict[str, Desired]:
    """The same of every service that a person said something about."""
    rows = db.execute("SELECT service, state, since, until, until_healthy, author, why FROM desired").fetchall()
    return {str(service): _desired(tuple(row), now) for service, *row in rows}


def _desired(row: tuple[Any, ...], now: float) -> Desired:
    typed(row, "tnNntt")
    if row[0] not in ("running", "stopped", "snoozed") or (row[2] is not None and row[2] <= now):
        return Desired()
    return Desired(row[0], row[1], row[2], bool(row[3]), row[4], row[5])


def until_healthy(db: sqlite3.Connection) -> tuple[str, ...]:
    """The services that are left alone until they are healthy."""
    rows = db.execute("SELECT service FROM desired WHERE state = 'snoozed' AND until_healthy").fetchall()
    return tuple(str(row[0]) for row in rows)


def record_restart(db: sqlite3.Connection, restart: Restart) -> None:
    db.execute("DELETE FROM restarts WHERE at < ?", (restart.at - RESTARTS_KEPT,))
    db.execute(
        "INSERT INTO restarts VALUES (?, ?, ?, ?, ?)",
        (restart.service, restart.at, int(restart.automatic), restart.incident, restart.signature),
    )


def restarts(db: sqlite3.Connection, service: str | None, since: float) -> tuple[Restart, ...]:
    rows = db.execute(
        "SELECT service, at, automatic, incident, signature FROM restarts WHERE at >= :since"
        " AND (:service IS NULL OR service = :service) ORDER BY at, rowid",
        {"since": since, "service": service},
    )
    return tuple(Restart(row[0], row[1], bool(row[2]), row[3], row[4]) for row in rows if typed(row, "tnntt"))


def last_restarts(db: sqlite3.Connection, since: float) -> dict[str, float]:
    """When each service was restarted last."""
    rows = db.execute("SELECT service, max(at) FROM restarts WHERE at >= ? GROUP BY service", (since,))
    return {row[0]: row[1] for row in rows if typed(row, "tn")}


def end_the_future(db: sqlite3.Connection, now: float) -> None:
    """What was written under a clock that was ahead of ours counts as of now."""
    db.execute("UPDATE restarts SET at = :now WHERE at > :now", {"now": now})
    db.execute("UPDATE desired SET until = until - since + :now, since = :now WHERE since > :now", {"now": now})
    db.execute("UPDATE facts SET value = :now WHERE name = 'lost_at' AND value > :now", {"now": now})


def keep(db: sqlite3.Connection, service: str, name: str, text: str) -> None:
    db.execute("INSERT OR REPLACE INTO memories VALUES (?, ?, ?)", (service, name, text))


def kept_by_all(db: sqlite3.Connection, name: str) -> dict[str, str]:
    rows = db.execute("SELECT service, text FROM memories WHERE name = ? ORDER BY service", (name,)).fetchall()
    return {str(service): str(text) for service, text in rows}


def kept(db: sqlite3.Connection, service: str, name: str) -> str:
    row = db.execute("SELECT text FROM memories WHERE service = ? AND name = ?", (service, name)).fetchone()
    return str(row[0]) if row else ""
