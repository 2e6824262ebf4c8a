"""What is counted of a session, and the rates that ask for the rollback."""

from __future__ import annotations

from collections import deque
from typing import Any

from watchdog.model.records import record

_KEPT = 2000  # latencies of which p50 and p99 are made
_FEW = 20  # messages below which a rate says nothing
DEADLOCK_RATE, DROP_RATE = 0.01, 0.05


@record
class Metrics:
    """Counters since the session began."""

    sent: int = 0  # messages from the host to the child
    received: int = 0  # messages from the child to the host
    requests: int = 0
    answers: int = 0
    dropped: int = 0  # of a stream that was declared lossy
    parse_errors: int = 0  # broken messages, in either direction
    ipc_errors: int = 0  # writes and reads that failed
    late_answers: int = 0  # of requests that got an error already
    stderr_dropped: int = 0  # bytes of the child's standard error that nobody read
    bytes_sent: int = 0
    bytes_received: int = 0
    hangs: int = 0
    deaths: int = 0
    restarts: int = 0
    rollbacks: int = 0

    def __post_init__(self) -> None:
        self.latencies: deque[float] = deque(maxlen=_KEPT)  # seconds

    def answered(self, seconds: float) -> None:
        self.answers += 1
        self.latencies.append(seconds)

    @property
    def deadlock_rate(self) -> float:
        return self.hangs / self.requests if self.requests else 0.0

    @property
    def drop_rate(self) -> float:
        all_of_them = self.sent + self.dropped
        return self.dropped / all_of_them if all_of_them else 0.0

    def why_roll_back(self, deadlocks: float, drops: float) -> str:
        """Which limit on a rate is passed; empty if none is. One hang alone is not a rate."""
        if self.hangs > 1 and self.deadlock_rate > deadlocks:
            return f"{self.hangs} of {self.requests} requests hung: more than {100 * deadlocks:g}%"
        return self.why_too_many_drops(drops)

    def why_too_many_drops(self, drops: float) -> str:
        """In words; empty while the limit is kept."""
        if self.sent + self.dropped >= _FEW and self.drop_rate > drops:
            return f"{self.dropped} of {self.sent + self.dropped} messages were dropped: more than {100 * drops:g}%"
        return ""

    def record(self) -> dict[str, Any]:
        ordered = sorted(self.latencies)
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "p50": quantile(ordered, 0.5),
            "p99": quantile(ordered, 0.99),
            "deadlock_rate": round(self.deadlock_rate, 4),
            "drop_rate": round(self.drop_rate, 4),
        }


def quantile(ordered: list[float], share: float) -> float | None:
    """The value that `share` of all do not pass; None of none."""
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 6)
