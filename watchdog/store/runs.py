"""Runs on many hosts in the shared store: one row a host, and the incidents that were fetched from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from watchdog.store.tables import host_runs, incidents


def put(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """As the controller knows them now."""
    for row in rows:
        statement = insert(host_runs).values(row)
        connection.execute(statement.on_conflict_do_update(index_elements=["run", "host"], set_=row))
        own = (incidents.c.node == row["node"]) & (incidents.c.id == row["incident"])
        connection.execute(update(incidents).where(own).values(host=row["host"], run=row["run"]))


def put_incident(connection: Connection, row: dict[str, Any]) -> None:
    """Fetched by a controller. What the host has sent itself knows more and stays."""
    connection.execute(insert(incidents).values(row).on_conflict_do_nothing())


def newest_incidents(connection: Connection, limit: int, since: float = 0.0) -> list[dict[str, Any]]:
    wanted = select(incidents).where(incidents.c.opened >= since).order_by(incidents.c.opened.desc())
    return [dict(row._mapping) for row in connection.execute(wanted.limit(limit))]


def newest_runs(connection: Connection, limit: int, since: float) -> list[dict[str, Any]]:
    """One row a host."""
    wanted = select(host_runs).where(host_runs.c.begun >= since).order_by(host_runs.c.begun.desc(), host_runs.c.host)
    return [dict(row._mapping) for row in connection.execute(wanted.limit(limit))]
