"""A probe's questions to a server, and what they are worth as evidence while they are open."""

from __future__ import annotations

from collections.abc import Callable

from watchdog.model.evidence import Answer
from watchdog.model.playbook import ProbeSpec
from watchdog.model.probing import Sample
from watchdog.model.records import record
from watchdog.system import clock
from watchdog.watch.watched import Watched

_SLOW = 0.3  # of the limit, as with our own questions
_NEARLY = 0.95  # of the time-out: it was waited for until then


@record
class Question:
    """One of them; without a `sample` it is still open."""

    watched: Watched
    spec: ProbeSpec
    begun: float  # on the monotonic clock
    sample: Sample | None = None

    def seen_from(self, moment: float) -> Answer:
        """As evidence of a look that began at that moment."""
        at, url, limit = self.begun - moment, str(self.spec.subject), self.spec.timeout
        if self.sample is None:
            return Answer(at, url, "pending", clock.monotonic() - self.begun)
        seconds = self.sample.seconds
        if self.sample.verdict == "failed":
            verdict = "timeout" if seconds >= _NEARLY * limit else "failed"
        elif self.sample.verdict == "unknown":
            verdict = "unknown"
        else:
            verdict = "ok" if seconds <= _SLOW * limit else "slow"
        return Answer(at, url, verdict, seconds, detail=self.sample.message)


class ProbesQuestion:
    """Stands in for questions of our own (see `evidence.questions.Asking`)."""

    def __init__(self, latest: Callable[[], tuple[Question, ...]], begun: float) -> None:
        self._latest, self._begun = latest, begun
        self._heard: dict[float, Question] = {}

    def answers(self) -> tuple[Answer, ...]:
        for one in self._latest():
            if one.sample is None or one.begun >= self._begun:
                self._heard[one.begun] = one
        return tuple(self._heard[begun].seen_from(self._begun) for begun in sorted(self._heard))

    @property
    def overdue(self) -> bool:
        return any(one.verdict == "pending" and one.seconds >= self._limit for one in self.answers())

    @property
    def _limit(self) -> float:
        return next((one.spec.timeout for one in self._latest()), 0.0)

    def stop(self) -> None:
        """The probe goes on asking."""
