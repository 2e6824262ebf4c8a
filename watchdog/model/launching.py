"""Starting a service: the order to the shim, and what it leaves behind."""

from __future__ import annotations

from typing import Any

from watchdog.model.process import Identity
from watchdog.model.records import record

UNKNOWN_END = "its exit status is unknown, because its shim ended without recording it"


@record(frozen=True)
class StartResult:
    """`pid` is the first process of the new tree."""

    outcome: str  # done, failed, refused, nothing
    pid: int | None
    ready: bool
    seconds: float
    message: str = ""
    identity: Identity | None = None
    by_fallback: bool = False  # `start.command` did not come up, `start.fallback` was started

    def record(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome,
            "pid": self.pid,
            "ready": self.ready,
            "seconds": round(self.seconds, 3),
            "message": self.message,
            "by_fallback": self.by_fallback,
        }


@record(frozen=True)
class VerifyResult:
    """N good answers in a row from the right, new process; or not."""

    outcome: str  # done, failed
    answers: tuple[dict[str, Any], ...]  # {"ok", "seconds", "status"}
    pid: int | None
    back: float | None = None  # seconds since the epoch: when the first of the good answers came that prove it
    message: str = ""

    def record(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome,
            "answers": list(self.answers),
            "pid": self.pid,
            "back": self.back,
            "message": self.message,
        }


@record(frozen=True)
class ShimRecord:
    """The life of one started process, written by the shim: one JSON file a start, complete or absent."""

    service: str
    pid: int
    ticks: int
    started: float  # seconds since the epoch
    shim_pid: int
    ended: float | None = None
    code: int | None = None
    signal: int | None = None
    peak_rss: int | None = None
    last_lines: tuple[str, ...] = ()  # of its output
    error: str = ""  # why it could not be started
    limit: str = ""  # at which it ended: a key of the playbook's `start.limits`
    planned: bool = False  # the server had announced its end (STOPPING=1)
    boot: str = ""  # id of the boot of the machine it belongs to

    @property
    def identity(self) -> Identity | None:
        """None where nothing was started."""
        return Identity(self.boot, self.pid, self.ticks) if self.pid and self.boot else None

    @property
    def end_is_unknown(self) -> bool:
        """It ended, and nobody recorded how: its shim was killed, or the machine went down.

        `ended` is when it was first seen gone.
        """
        return self.ended is not None and self.code is None and self.signal is None and not self.error
