"""An alert that calls several controllers is claimed by one of them."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from watchdog.store.tables import alerts

Claim = Literal["claimed", "known"]
_KEEP_WITHIN = "30 seconds"  # for the claimer to write it into its own journal; after that another one may take it
_OPEN = "1 hour"  # an outage that nobody ended for so long is another one
_FORGET = "92 days"


def claim(connection: Connection, fingerprint: str, starts: float, service: str, holder: str) -> Claim:
    """One controller gets "claimed" for an outage, however often it asks: its own journal knows what it has done."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": fingerprint})
    connection.execute(alerts.delete().where(alerts.c.claimed < func.now() - text(f"interval '{_FORGET}'")))
    goes_on = alerts.c.ended.is_(None) & (alerts.c.claimed > func.now() - text(f"interval '{_OPEN}'"))
    same = (alerts.c.fingerprint == fingerprint) & or_(alerts.c.starts == starts, goes_on)
    late = (alerts.c.claimed < func.now() - text(f"interval '{_KEEP_WITHIN}'")).label("late")
    found = connection.execute(select(alerts.c.starts, alerts.c.holder, alerts.c.kept, late).where(same)).all()
    for row in found:
        if row.holder != holder and (row.kept or not row.late):
            return "known"
    new = {"fingerprint": fingerprint, "starts": starts, "service": service, "holder": holder}
    mine = (
        insert(alerts)
        .values(new)
        .on_conflict_do_update(index_elements=["fingerprint", "starts"], set_={"holder": holder, "claimed": func.now()})
    )
    connection.execute(mine)
    return "claimed"


def keep(connection: Connection, fingerprint: str, holder: str, alert: str) -> None:
    """It stands in the holder's journal now: no other controller takes it over."""
    own = (alerts.c.fingerprint == fingerprint) & (alerts.c.holder == holder) & ~alerts.c.kept
    connection.execute(update(alerts).where(own).values(kept=True, alert=alert))


def end(connection: Connection, alert: str, holder: str) -> None:
    """Its run is over: the next one with the same labels is another outage."""
    own = (alerts.c.alert == alert) & (alerts.c.holder == holder) & alerts.c.ended.is_(None)
    connection.execute(update(alerts).where(own).values(ended=func.now()))
