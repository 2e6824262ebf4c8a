"""Answers of probes and checks."""

from __future__ import annotations

from typing import Any, Literal

from watchdog.model.records import record

SampleVerdict = Literal["ok", "slow", "failed", "unknown"]
CheckState = Literal["ok", "warning", "critical", "unknown"]


@record(frozen=True)
class Sample:
    """One answer of one probe. "unknown": a local reason, which never counts towards a kill."""

    probe: str
    at: float  # seconds since the epoch
    verdict: SampleVerdict
    seconds: float
    message: str = ""
    value: float | None = None  # the measured number, in the unit of the probe's kind
    unit: str = ""  # s, B, %, or empty for a count
    pid: int | None = None  # who answered, where that can be told
    count: int = 1  # how many answers it stands for: the journal thins old ones
    bookmark: str = ""  # what the same probe wants to be told the next time, in its own words


@record(frozen=True)
class CheckResult:
    """One answer of one check."""

    name: str
    state: CheckState
    message: str
    seconds: float
    output: str = ""  # the last part of what a command printed, redacted

    def record(self) -> dict[str, Any]:
        return {"name": self.name, "state": self.state, "message": self.message, "seconds": round(self.seconds, 3)}
