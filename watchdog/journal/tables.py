"""The journal's tables, one entry a version: the list only ever grows at its end."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from watchdog.journal import chain

# What is counted when answers are written, from all answers that are there.
HOURS = """INSERT INTO hours SELECT service, probe, CAST(at / 3600 AS INTEGER), verdict, sum(count) FROM samples
    GROUP BY 1, 2, 3, 4"""
Change = str | Callable[[sqlite3.Connection], None]  # one statement, or what no statement can say
VERSIONS: tuple[tuple[Change, ...], ...] = (
    (
        """CREATE TABLE incidents (
            id TEXT PRIMARY KEY, opened REAL NOT NULL, service TEXT, runbook TEXT NOT NULL,
            trigger_kind TEXT NOT NULL, trigger_detail TEXT NOT NULL, trigger_by TEXT NOT NULL,
            trigger_since REAL, owner TEXT NOT NULL,  -- identity of the process that runs it: boot, pid, start time
            outcome TEXT NOT NULL, closed REAL, cause TEXT NOT NULL DEFAULT '', signature TEXT NOT NULL DEFAULT '',
            finding TEXT, request TEXT NOT NULL DEFAULT '', downtime REAL, down_since REAL,
            folder TEXT NOT NULL DEFAULT '', report TEXT NOT NULL DEFAULT '', old_pids TEXT NOT NULL DEFAULT '[]',
            new_pid INTEGER, root_cause TEXT NOT NULL DEFAULT '', fix TEXT NOT NULL DEFAULT '',
            repeated TEXT NOT NULL DEFAULT '')""",
        "CREATE INDEX incidents_by_time ON incidents (opened)",
        "CREATE INDEX incidents_by_service ON incidents (service, signature, opened)",
        """CREATE TABLE steps (
            incident TEXT NOT NULL REFERENCES incidents (id), number INTEGER NOT NULL, step TEXT NOT NULL,
            text TEXT NOT NULL, outcome TEXT NOT NULL, begun REAL NOT NULL, seconds REAL NOT NULL,
            message TEXT NOT NULL, data TEXT, PRIMARY KEY (incident, number))""",
        """CREATE TABLE notes (
            incident TEXT NOT NULL REFERENCES incidents (id), at REAL NOT NULL, author TEXT NOT NULL,
            text TEXT NOT NULL)""",
        "CREATE INDEX notes_by_incident ON notes (incident)",
        """CREATE TABLE desired (
            service TEXT PRIMARY KEY, state TEXT NOT NULL, since REAL NOT NULL, until REAL,
            until_healthy INTEGER NOT NULL, author TEXT NOT NULL, why TEXT NOT NULL)""",
        """CREATE TABLE restarts (
            service TEXT NOT NULL, at REAL NOT NULL, automatic INTEGER NOT NULL, incident TEXT NOT NULL,
            signature TEXT NOT NULL)""",
        "CREATE INDEX restarts_by_time ON restarts (at)",
        """CREATE TABLE samples (
            service TEXT NOT NULL, probe TEXT NOT NULL, at REAL NOT NULL, verdict TEXT NOT NULL, seconds REAL NOT NULL,
            message TEXT NOT NULL, value REAL, unit TEXT NOT NULL, pid INTEGER, count INTEGER NOT NULL)""",
        "CREATE INDEX samples_by_probe ON samples (service, probe, at)",
        "CREATE INDEX samples_by_time ON samples (at)",
        "CREATE TABLE facts (name TEXT PRIMARY KEY, value REAL NOT NULL)",
    ),
    (
        """CREATE TABLE memories (
            service TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (service, name))""",
    ),
    ("ALTER TABLE incidents ADD COLUMN overridden TEXT NOT NULL DEFAULT ''",),
    (
        "ALTER TABLE incidents ADD COLUMN trigger_typed TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE incidents ADD COLUMN trigger_home TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE incidents ADD COLUMN gave_up TEXT NOT NULL DEFAULT ''",
    ),
    (
        "ALTER TABLE incidents ADD COLUMN downtime_from TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE incidents ADD COLUMN downtime_exact INTEGER NOT NULL DEFAULT 0",
    ),
    ("ALTER TABLE steps ADD COLUMN by_hand TEXT NOT NULL DEFAULT ''",),
    ("ALTER TABLE incidents ADD COLUMN changed TEXT NOT NULL DEFAULT ''",),
    (
        """CREATE TABLE approvals (
            id TEXT PRIMARY KEY, service TEXT NOT NULL, runbook TEXT NOT NULL, about TEXT NOT NULL, words TEXT NOT NULL,
            asked REAL NOT NULL, until REAL NOT NULL, answer TEXT NOT NULL, by TEXT NOT NULL, answered REAL,
            used INTEGER NOT NULL, key TEXT NOT NULL)""",
        "CREATE INDEX approvals_by_service ON approvals (service, asked)",
        "ALTER TABLE incidents ADD COLUMN agreed_by TEXT NOT NULL DEFAULT ''",
    ),
    (
        """CREATE TABLE alerts (
            id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, starts REAL NOT NULL, service TEXT NOT NULL,
            runbook TEXT NOT NULL, detail TEXT NOT NULL, by TEXT NOT NULL, received REAL NOT NULL,
            deliveries INTEGER NOT NULL, resolved REAL, over TEXT NOT NULL)""",
        "CREATE INDEX alerts_by_fingerprint ON alerts (fingerprint)",
        "ALTER TABLE incidents ADD COLUMN alert TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX incidents_by_alert ON incidents (alert)",
    ),
    (
        """CREATE TABLE hours (
            service TEXT NOT NULL, probe TEXT NOT NULL, hour INTEGER NOT NULL, verdict TEXT NOT NULL,
            count INTEGER NOT NULL, PRIMARY KEY (service, probe, hour, verdict)) WITHOUT ROWID""",
        HOURS,
    ),
    (
        """CREATE TABLE chain (
            number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, incident TEXT NOT NULL, item TEXT NOT NULL,
            digest TEXT NOT NULL, hash TEXT NOT NULL)""",
        chain.take_in,
    ),
    (
        "ALTER TABLE approvals ADD COLUMN needed INTEGER NOT NULL DEFAULT 1",
        """CREATE TABLE votes (
            approval TEXT NOT NULL, who TEXT NOT NULL, by TEXT NOT NULL, at REAL NOT NULL,
            PRIMARY KEY (approval, who))""",
    ),
    ("ALTER TABLE alerts ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 1",),
)
