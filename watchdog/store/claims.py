"""Of several controllers that an alert calls one claims it. Only a controller whose claim is confirmed may act.

A claim, its alert in the journal, its confirmation: any of them may be the last thing that happens. Until it is
confirmed, nobody acts on it, and after a while another controller may take it over. So there is one run, whatever dies.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from watchdog.store.tables import alerts

Claim = Literal["claimed", "known"]
TAKEN_OVER = "another controller has taken it"
_CONFIRM_WITHIN = "30 seconds"  # the claimer writes it into its own journal; after that another one may take it over
_OPEN = "1 hour"  # an outage that nobody ended for so long is another one
_FORGET = "92 days"


def claim(connection: Connection, fingerprint: str, starts: float, service: str, holder: str) -> Claim:
    """One controller gets "claimed" for an outage, however often it asks: its own journal knows what it has done."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": fingerprint})
    connection.execute(alerts.delete().where(alerts.c.claimed < func.now() - text(f"interval '{_FORGET}'")))
    goes_on = alerts.c.ended.is_(None) & (alerts.c.claimed > func.now() - text(f"interval '{_OPEN}'"))
    same = (alerts.c.fingerprint == fingerprint) & or_(alerts.c.starts == starts, goes_on)
    late = (alerts.c.claimed < func.now() - text(f"interval '{_CONFIRM_WITHIN}'")).label("late")
    found = connection.execute(select(alerts.c.starts, alerts.c.holder, alerts.c.kept, late).where(same)).all()
    for row in found:
        if row.holder != holder and (row.kept or not row.late):
            return "known"
    connection.execute(
        update(alerts).where(same, alerts.c.holder != holder).values(holder=holder, claimed=func.now(), alert="")
    )
    new = {"fingerprint": fingerprint, "starts": starts, "service": service, "holder": holder}
    mine = (
        insert(alerts)
        .values(new)
        .on_conflict_do_update(index_elements=["fingerprint", "starts"], set_={"holder": holder, "claimed": func.now()})
    )
    connection.execute(mine)
    return "claimed"


def confirm(connection: Connection, fingerprint: str, starts: float, service: str, holder: str, alert: str) -> bool:
    """It stands in the holder's journal: whether the holder may act on it now. Then no other one takes it over."""
    if claim(connection, fingerprint, starts, service, holder) == "known":
        return False
    own = (alerts.c.fingerprint == fingerprint) & (alerts.c.holder == holder) & ~alerts.c.kept
    connection.execute(update(alerts).where(own).values(kept=True, alert=alert))
    return True


def end(connection: Connection, alert: str, holder: str) -> None:
    """Its run is over: the next one with the same labels is another outage."""
    own = (alerts.c.alert == alert) & (alerts.c.holder == holder) & alerts.c.ended.is_(None)
    connection.execute(update(alerts).where(own).values(ended=func.now()))
