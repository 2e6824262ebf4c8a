"""Who is notified of what, and when."""

from __future__ import annotations

from typing import Literal

from watchdog.model.records import record

# info: it is over. warning: wd works on it. critical: a person is needed.
Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@record(frozen=True)
class Hours:
    """A span of the day, in minutes after midnight of the day on which it begins; it may reach into the next day."""

    begin: int
    end: int
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)  # Monday is 0


@record(frozen=True)
class Route:
    """One way to people. Its addresses are tried in order, until one takes the message."""

    to: tuple[str, ...]
    severity: Severity = "info"  # at least
    hours: tuple[Hours, ...] = ()  # none: always


@record(frozen=True)
class Message:
    """What people read: one line, which stands alone in a digest, and what else is known."""

    service: str
    severity: Severity
    line: str
    body: str = ""
    language: str = "en"

    @property
    def title(self) -> str:
        """The same for the beginning and the end, so that a receiver can match them."""
        return f"wd: {self.service}"

    @property
    def text(self) -> str:
        return f"{self.line}\n{self.body}".strip()
