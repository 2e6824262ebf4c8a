"""What a report says, in the order in which an engineer asks at 3 a.m.; the templates only lay it out."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from watchdog.model.records import record


@record(frozen=True)
class Ended:
    """A process that was ended."""

    pid: int
    signal: str  # "TERM", or "by itself"
    seconds: float | None
    command: str = ""
    note: str = ""


@record(frozen=True)
class Line:
    """A step, in the table and on the timeline. `left` and `width` are percent of the whole run."""

    number: int
    text: str
    outcome: str
    offset: float  # seconds after the run began
    seconds: float
    message: str
    left: float = 0.0
    width: float = 0.0


@record(frozen=True)
class Kept:
    """A file of the evidence."""

    kind: str
    path: str  # below the incident's folder
    sha256: str
    size: int
    seconds: float
    source: str = ""


@record(frozen=True)
class Curve:
    """One quantity over time, ready to be drawn."""

    title: str
    path: str  # of an SVG of 600 x 120
    top: str  # the largest value, with its unit
    bottom: str
    end: str  # how long it was measured
    text: str  # the same in words, for Markdown and for those who cannot see it


BOX, GAP = 48, 44  # heights of a box of the picture, and of the arrow to the next one
ONLY_DRAWN = ("waits", "logs")  # fields for an HTML page (see pictures.py), which stand in no JSON


@record(frozen=True)
class Box:
    """A thread or a task, or a peer that keeps silent."""

    name: str
    place: str  # "server.py:30 in withdraw"
    wish: str  # what it waits for: on the arrow to the next box; empty for the last one of a chain
    top: int


@record(frozen=True)
class Waits:
    """Who waits for whom. In a circle the last box waits for the first one."""

    boxes: tuple[Box, ...]
    is_circle: bool
    words: str  # the same for those who cannot see it

    @property
    def height(self) -> int:
        return len(self.boxes) * (BOX + GAP) - (0 if self.is_circle else GAP)


@record(frozen=True)
class LogTail:
    """Lines before and after the moment. Without times in the log nothing tells where it lies: all stand before."""

    source: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    has_times: bool


@record(frozen=True)
class Page:
    """The whole report."""

    id: str
    service: str
    runbook: str
    outcome: str
    headline: str
    good: bool
    opened: float
    closed: float | None
    seconds: float | None
    downtime: float | None
    down_since: float | None
    trigger: str
    agreed_by: str = ""  # who said yes, where a person was asked
    downtime_from: str = ""
    downtime_exact: bool = False
    request: str = ""
    repeated: str = ""
    changed: str = ""
    findings: tuple[dict[str, Any], ...] = ()
    ended: tuple[Ended, ...] = ()
    survivors: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    new_pid: int | None = None
    proof: str = ""
    checks: tuple[dict[str, Any], ...] = ()
    overrides: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    folders: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    missing: tuple[str, ...] = ()
    curves: tuple[Curve, ...] = ()
    waits: Waits | None = None
    logs: tuple[LogTail, ...] = ()
    commands: tuple[str, ...] = ()
    root_cause: str = ""
    fix: str = ""
    notes: tuple[tuple[float, str, str], ...] = ()
    head: str = ""  # of the journal's chain when the report was made
    data: dict[str, Any] = field(default_factory=dict)  # the step results, for report.json
