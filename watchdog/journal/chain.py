"""The chain over incidents, steps and notes: each write adds an entry, whose hash covers the entry before it.

An entry holds the digest of one *item* as it then stood: the incident's own line (""), one step ("step 3"), or all its
notes ("notes"). Each function works inside a transaction of its caller, so that an item and its entry are one write.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from watchdog.journal.rows import typed
from watchdog.model.chain import Head
from watchdog.system import clock
from watchdog.text.digest import sha256

NOTES = "notes"
TAKEN_IN = "taken_in"
COLUMNS = "number, at, incident, item, digest, hash"
_UNCOVERED = ("owner",)  # the process that runs it now: a run that was cut off gets another one


def append(db: sqlite3.Connection, incident: str, item: str = "") -> None:
    """Add an entry for an item that was just written."""
    before = head(db)
    number = max(before.number if before else 0, highest(db)) + 1
    at, digest = clock.now(), digest_of(db, incident, item)
    name = link(before.hash if before else "", number, at, incident, item, digest)
    db.execute(f"INSERT INTO chain ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", (number, at, incident, item, digest, name))


def take_in(db: sqlite3.Connection) -> None:
    """Cover what an older wd wrote, as it stands now; how many incidents that are is kept."""
    found = items(db)
    for incident, item in found:
        append(db, incident, item)
    db.execute("INSERT INTO facts VALUES (?, ?)", (TAKEN_IN, sum(not item for _incident, item in found)))


def head(db: sqlite3.Connection) -> Head | None:
    row = db.execute("SELECT number, hash FROM chain ORDER BY number DESC LIMIT 1").fetchone()
    return Head(*typed(row, "nt")) if row else None


def highest(db: sqlite3.Connection) -> int:
    """The highest number that an entry ever had; SQLite keeps it, also when the entry is gone."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'chain'").fetchone()
    return int(typed(row, "n")[0]) if row else 0


def link(before: str, number: int, at: float, incident: str, item: str, digest: str) -> str:
    """The hash of an entry, which names the hash before it."""
    return _sha256([before, number, at, incident, item, digest])


def items(db: sqlite3.Connection) -> tuple[tuple[str, str], ...]:
    """(incident, item) of all that is there, in the order of time."""
    rows = db.execute(
        "SELECT id AS incident, '' AS item, opened AS at, 0 AS number FROM incidents"
        " UNION ALL SELECT incident, 'step ' || number, begun, number FROM steps"
        f" UNION ALL SELECT incident, '{NOTES}', max(at), 0 FROM notes GROUP BY incident ORDER BY at, number"
    )
    return tuple((str(incident), str(item)) for incident, item, _at, _number in rows.fetchall())


def digest_of(db: sqlite3.Connection, incident: str, item: str) -> str:
    """Of what stands there now; empty if nothing does."""
    if item == NOTES:
        rows = db.execute("SELECT * FROM notes WHERE incident = ? ORDER BY at, rowid", (incident,))
    elif item:
        number = item.removeprefix("step ")
        rows = db.execute("SELECT * FROM steps WHERE incident = ? AND number = ?", (incident, number))
    else:
        rows = db.execute("SELECT * FROM incidents WHERE id = ?", (incident,))
    names = [column[0] for column in rows.description]
    found = [_covered(dict(zip(names, row, strict=True))) for row in rows.fetchall()]
    return _sha256(found) if found else ""


def _covered(row: dict[str, Any]) -> dict[str, Any]:
    """Without empty values: a column that a newer wd adds is empty in old lines, and changes no digest."""
    return {name: value for name, value in row.items() if name not in _UNCOVERED and value not in (None, "")}


def _sha256(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"), default=repr)
    return sha256(text)
