"""Each loop that has the shared store says now and then that it is there, and how its services are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import insert

from watchdog.store.tables import loops

_FORGET = "92 days"


def see(connection: Connection, holder: str, node: str, services: Sequence[dict[str, Any]]) -> None:
    connection.execute(loops.delete().where(loops.c.seen < func.now() - text(f"interval '{_FORGET}'")))
    new = {"holder": holder, "node": node, "services": list(services), "seen": func.now()}
    connection.execute(insert(loops).values(new).on_conflict_do_update(index_elements=["holder"], set_=new))


def known(connection: Connection) -> list[dict[str, Any]]:
    """With the seconds since each was heard, by the store's clock."""
    age = func.extract("epoch", func.now() - loops.c.seen).label("seconds")
    rows = connection.execute(select(loops.c.holder, loops.c.node, loops.c.services, age).order_by(loops.c.holder))
    return [{**row._mapping, "seconds": float(row.seconds)} for row in rows]
