"""A question that the loop puts to a person, and what became of it."""

from __future__ import annotations

from watchdog.model.records import record


@record(frozen=True)
class Approval:
    """Whether a runbook may be run on a service, because of one trouble. It ends by itself."""

    id: str
    service: str
    runbook: str
    about: str  # which trouble: the same one is not asked about twice
    words: str  # the question as a person reads it
    asked: float  # seconds since the epoch
    until: float
    answer: str = ""  # yes, no; late or over where nobody has answered
    by: str = ""  # who said it, and from where
    answered: float | None = None
    used: bool = False  # a yes is good for one run
    needed: int = 1  # different people who must say yes
    votes: tuple[str, ...] = ()  # who has said yes so far, and from where

    def is_open(self, now: float) -> bool:
        return not self.answer and now < self.until
