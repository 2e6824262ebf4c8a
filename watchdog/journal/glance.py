"""What the journal says of all services at one moment, in one transaction and a few queries.

A look at hundreds of services that asked for each of them would be thousands of small reads, and while they last, every
other reader in the process waits for its turn.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from watchdog.journal import approvals, incidents, services
from watchdog.model.incident import Desired
from watchdog.model.records import record


@record(frozen=True)
class Glance:
    """By the name of the service; who is not there has nothing of the kind."""

    desired: Mapping[str, Desired]
    gave_up: Mapping[str, str]
    question: Mapping[str, str]  # its words
    approval: Mapping[str, str]  # the id of the oldest question that can be answered
    came_up: Mapping[str, float]  # when its last restart was made, or its last outage was over


def look(db: sqlite3.Connection, since: float, now: float) -> Glance:
    """Restarts and outages from before `since` are not looked for."""
    recovered, restarted = incidents.last_recoveries(db, since), services.last_restarts(db, since)
    return Glance(
        desired=services.desired_by_all(db, now),
        gave_up=services.kept_by_all(db, "gave up"),
        question=services.kept_by_all(db, "question"),
        approval={one.service: one.id for one in reversed(approvals.unanswered(db, None, now))},
        came_up={
            name: max(at[name] for at in (recovered, restarted) if name in at) for name in {*recovered, *restarted}
        },
    )
