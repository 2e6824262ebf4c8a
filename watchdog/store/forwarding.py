"""Incidents of this host's journal, sent to the shared store: what it has already is not sent again.

Nothing is remembered here: the store is asked what it has. So a link that breaks, a store that was down for a day, and
two senders at the same time lose nothing and double nothing.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from watchdog.journal.store import Journal
from watchdog.model.incident import Incident
from watchdog.store import address, claims
from watchdog.store.store import Store
from watchdog.store.tables import incidents
from watchdog.text.digest import sha256
from watchdog.text.redact import redact_data

_Json = TypeVar("_Json", dict[str, Any], list[dict[str, Any]])
_AT_ONCE = 200  # incidents of one transaction
_OF_THE_JOURNAL = "head"  # changes with every entry of the journal, and says nothing of the incident
ALL = 1_000_000


def forward(store: Store, journal: Journal, state: Path, since: float = 0.0, limit: int = ALL) -> int:
    """How many were sent. Lost if the store does not answer."""
    holder = address.controller(state)
    ended = [one for one in journal.incidents(since=since, limit=limit) if one.outcome != "running"]
    sent = 0
    for begin in range(0, len(ended), _AT_ONCE):
        part = ended[begin : begin + _AT_ONCE]
        rows = [row_of(journal.incident(one.id)) for one in part]
        over = [one.trigger.alert for one in part if one.trigger.alert and one.closed]
        sent += store.do(partial(_send, rows=rows, over=over, holder=holder))
    return sent


def row_of(incident: Incident) -> dict[str, Any]:
    record = redact_data(incident.record())
    same = {key: value for key, value in record.items() if key != _OF_THE_JOURNAL}
    return {
        "node": platform.node(),
        "id": incident.id,
        "opened": incident.opened,
        "closed": incident.closed,
        "service": incident.service or "",
        "runbook": incident.runbook,
        "outcome": incident.outcome,
        "cause": incident.cause,
        "digest": sha256(json.dumps(same, sort_keys=True)),
        "record": storable(record),
    }


def storable(record: _Json) -> _Json:
    """PostgreSQL takes no NUL in a text."""
    found: _Json = json.loads(json.dumps(record).replace("\\u0000", "\\ufffd"))
    return found


def _send(connection: Connection, rows: Sequence[dict[str, Any]], over: Sequence[str], holder: str) -> int:
    """Those that the store has not, or has otherwise: a person may have written down a root cause since."""
    known = select(incidents.c.id, incidents.c.digest).where(
        incidents.c.node == rows[0]["node"], incidents.c.id.in_([row["id"] for row in rows])
    )
    digests = {row.id: row.digest for row in connection.execute(known)}
    new = [row for row in rows if digests.get(row["id"]) != row["digest"]]
    for alert in over:
        claims.end(connection, alert, holder)
    for row in new:
        statement = insert(incidents).values(row)
        connection.execute(statement.on_conflict_do_update(index_elements=["node", "id"], set_=row))
    return len(new)
