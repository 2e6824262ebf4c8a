"""Answers of probes over time, thinned with age: the young ones whole, failures longer than successes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from sys import intern
from typing import Any

from watchdog.journal import hours
from watchdog.journal.rows import typed
from watchdog.model.probing import Sample

# (older than, seconds that become one sample, failures too): ok and slow answers thin out first.
AGES = ((3600.0, 60.0, False), (86400.0, 600.0, False), (7 * 86400.0, 3600.0, True))
KEPT = 92 * 86400.0  # seconds; nothing older stays
_COLUMNS = "probe, at, verdict, seconds, message, value, unit, pid, count"


def add(db: sqlite3.Connection, service: str, found: Iterable[Sample]) -> None:
    found = tuple(found)
    hours.add(db, service, found)
    db.executemany(
        f"INSERT INTO samples (service, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                service,
                sample.probe,
                sample.at,
                sample.verdict,
                sample.seconds,
                sample.message,
                sample.value,
                sample.unit,
                sample.pid,
                sample.count,
            )
            for sample in found
        ),
    )


def find(
    db: sqlite3.Connection, service: str, probe: str | None, since: float, until: float | None = None
) -> tuple[Sample, ...]:
    """In the order of time."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM samples WHERE service = :service AND (:probe IS NULL OR probe = :probe)"
        " AND at >= :since AND (:until IS NULL OR at <= :until) ORDER BY at, rowid",
        {"service": service, "probe": probe, "since": since, "until": until},
    )
    return tuple(map(_sample, rows))


def newest(db: sqlite3.Connection, service: str, probe: str, since: float, count: int) -> tuple[Sample, ...]:
    """The last so many, in the order of time."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM samples WHERE service = ? AND probe = ? AND at >= ?"
        " ORDER BY at DESC, rowid DESC LIMIT ?",
        (service, probe, since, count),
    ).fetchall()
    return tuple(_sample(row) for row in reversed(rows))


def last(db: sqlite3.Connection) -> int:
    """The number of the newest answer; 0 without any."""
    return int(db.execute("SELECT coalesce(max(rowid), 0) FROM samples").fetchone()[0])


def after(db: sqlite3.Connection, number: int) -> dict[str, list[Sample]]:
    """What was written after the answer of that number, by service and in the order of time."""
    # NOT INDEXED: for the order SQLite would walk through all answers by their time instead of starting at the number.
    rows = db.execute(
        f"SELECT service, {_COLUMNS} FROM samples NOT INDEXED WHERE rowid > ? ORDER BY at, rowid", (number,)
    )
    found: dict[str, list[Sample]] = {}
    for service, *row in rows:
        found.setdefault(str(service), []).append(_sample(tuple(row)))
    return found


def _sample(row: tuple[Any, ...]) -> Sample:
    """The words that stand in every row are kept once: a page holds tens of thousands of answers."""
    values = list(typed(row, "tntntNtNn"))
    for place in (0, 2, 4, 6):
        values[place] = intern(values[place])
    return Sample(*values)


def thin(db: sqlite3.Connection, now: float) -> int:
    """Merge what is old; gives the number of rows that went. A merged sample keeps the worst time and largest value."""
    before = db.execute("SELECT count(*) FROM samples").fetchone()[0]
    db.execute("DELETE FROM samples WHERE at < ? OR at > ?", (now - KEPT, now + 86400.0))
    hours.forget(db, now - KEPT, now + 86400.0)
    for older, width, failures in AGES:
        db.execute("DROP TABLE IF EXISTS temp.merged")
        db.execute(
            "CREATE TEMP TABLE merged AS SELECT min(rowid) AS kept, sum(count) AS count, max(value) AS value,"
            " max(seconds) AS seconds, service, probe, verdict, CAST(at / :width AS INTEGER) AS slot FROM samples"
            " WHERE at < :edge AND (:failures OR verdict IN ('ok', 'slow'))"
            " GROUP BY service, probe, verdict, slot HAVING count(*) > 1",
            {"width": width, "edge": now - older, "failures": failures},
        )
        db.execute(
            "DELETE FROM samples WHERE at < :edge AND rowid IN (SELECT s.rowid FROM samples s JOIN merged m ON"
            " s.service = m.service AND s.probe = m.probe AND s.verdict = m.verdict AND"
            " CAST(s.at / :width AS INTEGER) = m.slot AND s.rowid != m.kept WHERE s.at < :edge)",
            {"width": width, "edge": now - older},
        )
        db.execute(
            "UPDATE samples SET (count, value, seconds) ="
            " (SELECT count, value, seconds FROM merged WHERE kept = samples.rowid)"
            " WHERE rowid IN (SELECT kept FROM merged)"
        )
    return int(before - db.execute("SELECT count(*) FROM samples").fetchone()[0])
