"""The one tree of exceptions: each says what happened, why, and what to do, and knows its exit code.

Only the runner and the edge (`cli/`) catch these. A probe, collector or check that fails does not raise: it returns a
record that says so.
"""

from __future__ import annotations

from watchdog.model.exits import Exit


class WdError(Exception):
    """Something that ends a command. Shown in three lines: what happened, why, what to do next."""

    code = Exit.UNKNOWN

    def __init__(self, what: str, why: str = "", todo: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.todo = what, why, todo

    def lines(self) -> list[str]:
        return [line for line in (self.what, self.why, self.todo) if line]

    def record(self) -> dict[str, str]:
        """As the contract writes it."""
        return {"what": self.what, "why": self.why, "todo": self.todo}


class WrongUsage(WdError):
    """The words of the command do not fit together."""


class BadConfig(WdError):
    """A playbook, runbook or home cannot be used; `mistakes` holds every one of them, not only the first."""

    def __init__(self, what: str, why: str = "", todo: str = "", mistakes: tuple[str, ...] = ()) -> None:
        super().__init__(what, why, todo)
        self.mistakes = mistakes

    def lines(self) -> list[str]:
        return [self.what, *self.mistakes, *(line for line in (self.why, self.todo) if line)]

    def record(self) -> dict[str, str]:
        return {"what": self.what, "why": "; ".join(filter(None, (*self.mistakes, self.why))), "todo": self.todo}


class CannotTell(WdError):
    """The machine did not let us see what is needed for an answer."""


class NothingMatched(WdError):
    """The selector fits no process."""

    code = Exit.NOTHING


class Refused(WdError):
    """A guard says no; `why` names the guard and the process it protects."""

    code = Exit.REFUSED


class Failed(WdError):
    """It was tried and did not come true."""

    code = Exit.CRITICAL
