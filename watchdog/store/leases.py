"""Never more than N at once over all controllers: rows that end by the store's clock unless they are renewed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from watchdog.store.tables import slots


def take(connection: Connection, pool: str, holder: str, most: int, seconds: float) -> bool:
    """Whether the holder has a slot now. Asking again for the same holder renews it."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 1))"), {"key": pool})
    connection.execute(delete(slots).where(slots.c.pool == pool, slots.c.until < func.clock_timestamp()))
    others = select(func.count()).where(slots.c.pool == pool, slots.c.holder != holder)
    if int(connection.execute(others).scalar_one()) >= most:
        return False
    renew(connection, pool, (holder,), seconds)
    return True


def renew(connection: Connection, pool: str, holders: Sequence[str], seconds: float) -> None:
    """Also what has run out meanwhile: its host is at work all the same."""
    until = func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, float(seconds))
    for holder in sorted(holders):
        row = insert(slots).values(pool=pool, holder=holder, until=until)
        connection.execute(row.on_conflict_do_update(index_elements=["pool", "holder"], set_={"until": until}))


def give_back(connection: Connection, pool: str, holder: str) -> None:
    connection.execute(delete(slots).where(slots.c.pool == pool, slots.c.holder == holder))


def held(connection: Connection, pool: str) -> list[str]:
    rows = connection.execute(
        select(slots.c.holder).where(slots.c.pool == pool, slots.c.until >= func.clock_timestamp())
    )
    return sorted(row.holder for row in rows)
