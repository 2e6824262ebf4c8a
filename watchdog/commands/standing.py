"""How one service stands: the record behind `wd status`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from watchdog.model.incident import Desired
from watchdog.model.launching import ShimRecord
from watchdog.model.playbook import Playbook
from watchdog.model.probing import Sample
from watchdog.model.records import record
from watchdog.report.availability import Availability
from watchdog.text.units import iso

ORDER = ("failed", "unknown", "slow", "stopped", "ok")  # the worst first


@record(frozen=True)
class Standing:
    """One service as the journal knows it."""

    playbook: Playbook
    state: str  # ok, slow, failed, unknown, stopped (by a person)
    since: float | None  # when that began, seconds since the epoch
    message: str
    next_check: float | None  # None: nobody asks
    desired: Desired
    gave_up: str
    figures: tuple[Availability, ...]
    deaths: tuple[tuple[ShimRecord, str], ...]  # (record, how it ended in words), newest first
    memory: tuple[tuple[float, float], ...]  # (seconds since the epoch, bytes)
    cpu: tuple[tuple[float, float], ...] = ()  # (seconds since the epoch, percent of a core)
    answers: tuple[Sample, ...] = ()  # the last ones of the probe that tells best whether it serves
    last_asked: float | None = None
    holder: str = ""  # who works on it at this moment
    sidecar: dict[str, Any] | None = None  # the figures of its newest session over stdin and stdout
    question: str = ""  # put to a person and not answered yet
    approval: str = ""  # the id of that question, while it can be answered

    def record(self) -> dict[str, Any]:
        return {
            "service": self.playbook.service,
            "state": self.state,
            "since": iso(self.since) if self.since is not None else None,
            "message": self.message,
            "mode": self.playbook.policy.mode,
            "desired": self.desired.state,
            "desired_until": iso(self.desired.until) if self.desired.until is not None else None,
            "given_up": self.gave_up or None,
            "next_check": iso(self.next_check) if self.next_check is not None else None,
            "target": self.playbook.policy.target,
            "windows": [one.record() for one in self.figures],
            "deaths": [
                {
                    "pid": one.pid,
                    "ended": iso(one.ended) if one.ended is not None else None,
                    "code": one.code,
                    "signal": one.signal,
                    "why": why,
                    "peak_rss": one.peak_rss,
                    "last_lines": list(one.last_lines[-3:]),
                }
                for one, why in self.deaths
            ],
            "last_asked": iso(self.last_asked) if self.last_asked is not None else None,
            "worked_on_by": self.holder or None,
            "sidecar": self.sidecar,
            "question": self.question or None,
            "approval": self.approval or None,
            "memory": [round(value) for _, value in self.memory],
        }


def worst_of(found: Iterable[Standing], is_broken: bool = False) -> str:
    """The worst state of all; with a playbook that cannot be read, or without a service, it is unknown at best."""
    states = [one.state for one in found]
    return min([*states, *(["unknown"] if is_broken or not states else [])], key=ORDER.index)


def worst_first(one: Standing) -> tuple[int, str]:
    """The order in which a tired person reads them."""
    return ORDER.index(one.state), one.playbook.service
