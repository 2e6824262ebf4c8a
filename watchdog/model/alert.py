"""An alert of somebody else's, such as Alertmanager, that the loop acts on."""

from __future__ import annotations

from watchdog.model.records import record


@record(frozen=True)
class Alert:
    """One outage as an alert tells it. However often it is delivered, it is one."""

    id: str  # the same for every delivery
    fingerprint: str
    starts: float  # seconds since the epoch
    service: str
    runbook: str  # empty: that of the playbook's trigger
    detail: str
    by: str  # the program whose token it came with
    received: float
    deliveries: int = 1
    resolved: float | None = None  # when its sender said that it is over: that proves nothing
    over: str = ""  # why no run is needed any more
    confirmed: bool = True  # False: the shared store has not said yet that this controller may act on it
