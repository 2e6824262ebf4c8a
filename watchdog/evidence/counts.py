"""Objects of a live process by type, counted from outside, and which types grew between two counts."""

from __future__ import annotations

from watchdog.cpython.object_counts import Counted
from watchdog.model.records import record
from watchdog.system.child import child_call

_PATIENCE = 1.5  # seconds over the time of the count itself


@record(frozen=True)
class Growth:
    """How one type changed between two counts."""

    type: str
    before: int
    after: int

    @property
    def more(self) -> int:
        return self.after - self.before


def read_counts(pid: int, seconds: float = 5.0) -> Counted:
    """One count; the target is never stopped. Objects that hold no others (str, bytes, int) are not counted."""
    found = child_call.call("watchdog.cpython.object_counts:count", (pid, seconds), seconds + _PATIENCE)
    if isinstance(found, Counted):
        return found
    return Counted(error=f"the memory of process {pid} could not be read: {found.reason}")


def growth(before: Counted, after: Counted) -> tuple[Growth, ...]:
    """Types of which there are more now, the most grown first."""
    earlier = dict(before.types)
    found = [Growth(name, earlier.get(name, 0), count) for name, count in after.types]
    return tuple(sorted((one for one in found if one.more > 0), key=lambda one: (-one.more, one.type)))
