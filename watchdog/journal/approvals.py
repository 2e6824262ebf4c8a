"""Questions to persons in the journal: the first answer counts, and only while the question is open."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any

from watchdog.journal.rows import typed
from watchdog.model.approval import Approval

_KEPT = 92 * 86400.0  # seconds
BLOCK = "block "  # how `about` begins in a question about one block of a run: it ends with the run, not with a trouble
_COLUMNS = "id, service, runbook, about, words, asked, until, answer, by, answered, used, needed"


def ask(db: sqlite3.Connection, new: Approval, key: str) -> None:
    """`key` is the hash of what a link to it must hold."""
    db.execute("DELETE FROM approvals WHERE asked < ?", (new.asked - _KEPT,))
    db.execute("DELETE FROM votes WHERE at < ?", (new.asked - _KEPT,))
    db.execute(
        f"INSERT INTO approvals ({_COLUMNS}, key) VALUES (?, ?, ?, ?, ?, ?, ?, '', '', NULL, 0, ?, ?)",
        (new.id, new.service, new.runbook, new.about, new.words, new.asked, new.until, new.needed, key),
    )


def answer(db: sqlite3.Connection, name: str, given: str, by: str, who: str, now: float) -> bool:
    """Whether this answer counts. One no decides; so does the last yes that is needed. Nobody (`who`) counts twice."""
    found = one(db, name)
    if found is None or not found.is_open(now):
        return False
    if given == "yes":
        if not db.execute("INSERT OR IGNORE INTO votes VALUES (?, ?, ?, ?)", (name, who, by, now)).rowcount:
            return False
        votes = _votes(db, name)
        if len(votes) < found.needed:
            return True
        by = ", ".join(votes)
    done = db.execute(
        "UPDATE approvals SET answer = ?, by = ?, answered = ? WHERE id = ? AND answer = '' AND until > ?",
        (given, by, now, name, now),
    )
    return bool(done.rowcount)


def close(db: sqlite3.Connection, name: str, why: str) -> None:
    """Nobody has answered, and nobody can any more."""
    db.execute("UPDATE approvals SET answer = ? WHERE id = ? AND answer = ''", (why, name))


def use(db: sqlite3.Connection, name: str) -> bool:
    """Whether a yes is still good for a run; from now on it is not."""
    done = db.execute("UPDATE approvals SET used = 1 WHERE id = ? AND answer = 'yes' AND used = 0", (name,))
    return bool(done.rowcount)


def withdraw(db: sqlite3.Connection, service: str) -> None:
    """The trouble is over: no question about it is open, and no earlier yes is good any more."""
    db.execute(
        "UPDATE approvals SET answer = CASE answer WHEN '' THEN 'over' ELSE answer END, used = 1"
        f" WHERE service = ? AND used = 0 AND about NOT LIKE '{BLOCK}%'",
        (service,),
    )


def one(db: sqlite3.Connection, name: str) -> Approval | None:
    row = db.execute(f"SELECT {_COLUMNS} FROM approvals WHERE id = ?", (name,)).fetchone()
    return replace(_approval(row), votes=_votes(db, name)) if row else None


def _votes(db: sqlite3.Connection, name: str) -> tuple[str, ...]:
    rows = db.execute("SELECT by FROM votes WHERE approval = ? ORDER BY at, rowid", (name,)).fetchall()
    return tuple(str(row[0]) for row in rows)


def key_of(db: sqlite3.Connection, name: str) -> str:
    row = db.execute("SELECT key FROM approvals WHERE id = ?", (name,)).fetchone()
    return str(row[0]) if row else ""


def latest(db: sqlite3.Connection, service: str, about: str, now: float) -> Approval | None:
    """The last question about this trouble whose time is not over."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM approvals WHERE service = ? AND about = ? AND until > ? AND used = 0"
        " ORDER BY asked DESC LIMIT 1",
        (service, about, now),
    ).fetchone()
    return _approval(row) if row else None


def unanswered(db: sqlite3.Connection, service: str | None, now: float) -> tuple[Approval, ...]:
    """Oldest first."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM approvals WHERE answer = '' AND until > :now"
        " AND (:service IS NULL OR service = :service) ORDER BY asked",
        {"service": service, "now": now},
    )
    return tuple(map(_approval, rows.fetchall()))


def _approval(row: tuple[Any, ...]) -> Approval:
    typed(row, "tttttnnttNnn")
    values = [*row[:10], bool(row[10]), int(row[11])]
    return Approval(*values)
