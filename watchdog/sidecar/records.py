"""What happened to a child, as the parts of the bridge tell one another."""

from __future__ import annotations

from watchdog.model.records import record

EVERY = 10.0  # seconds between two reports of the metrics
KEPT_AS = "sidecar"  # their name in the journal


@record(frozen=True)
class Fault:
    """Why a child is replaced."""

    kind: str  # died, hung, both-full, garbage, closed, not-started, drops
    told: str  # one clause that begins after "the server"

    @property
    def cause(self) -> str:
        """What it is called where no look at the child was possible."""
        return "stdio-ipc-deadlock" if self.kind == "both-full" else self.kind
