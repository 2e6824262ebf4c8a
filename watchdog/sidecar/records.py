"""What happened to a child, as the parts of the bridge tell one another."""

from __future__ import annotations

from watchdog.model.records import record


@record(frozen=True)
class Fault:
    """Why a child is replaced."""

    kind: str  # died, hung, both-full, garbage, closed, not-started
    told: str  # one clause that begins after "the server"
