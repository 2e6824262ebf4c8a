"""What every part of the loop shares: the home, the journal, the counts, and how to do something later or beside."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from watchdog.journal.store import Journal
from watchdog.model.incident import Desired, Trigger
from watchdog.model.probing import Sample
from watchdog.model.records import record
from watchdog.model.selector import Selector
from watchdog.policy import pressure
from watchdog.policy.deciding import is_healthy_again
from watchdog.steps.spec import Answer, Context, nobody
from watchdog.system import clock
from watchdog.system.process import processes
from watchdog.text.units import format_duration
from watchdog.watch import log, looking
from watchdog.watch.watched import Watched, to_text

KEY = "watch"  # under which a service's memory is kept in the journal
GAVE_UP = "gave up"  # and why a person was called, for `wd status`
LATE_KEPT = 2000


@record
class Counts:
    """Numbers since the loop began, for the metrics and for whoever asks how it does."""

    asked: int = 0
    unknown: int = 0
    skipped: int = 0  # came due while the question before was still open
    late: int = 0  # runs that the scheduler dropped or joined
    discarded: int = 0  # answers across a time in which wd itself did not run
    broken: int = 0  # jobs that raised
    runs: int = 0
    given_up: int = 0
    lateness: deque[float] = field(default_factory=lambda: deque(maxlen=LATE_KEPT))  # seconds behind the plan


@record
class House:
    """Handed to whoever needs a part of it."""

    home: Path | None
    state: Path
    journal: Journal
    services: dict[str, Watched] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    away: Callable[[float, float], float] = lambda begun, ended: 0.0  # see Heartbeat.away
    later: Callable[[float, Callable[[], None]], None] = lambda seconds, work: None
    beside: Callable[[Callable[[], None]], None] = lambda work: work()
    ask_person: Callable[[str, float, Callable[[], bool]], Answer] = nobody
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    busy: str = ""  # the service that is being worked on
    looking: str = ""  # the service that is being looked at more closely
    common_at: float = float("-inf")  # when many services failed at once, last; on the monotonic clock

    def say(self, service: str, message: str, level: str = "INFO", incident: str = "") -> None:
        log.say(service, message, level, incident)

    def context(self, watched: Watched, cause: Trigger | None = None) -> Context:
        """What a run by the loop is given: nobody sits at a terminal, so every question is answered with no."""
        return Context(
            selector=Selector(service=watched.name),
            say=lambda text: self.say(watched.name, text),
            ask=lambda question: False,
            folder=self.state / "incidents",
            state=self.state,
            playbook=watched.playbook,
            home=self.home,
            journal=self.journal,
            trigger=cause or Trigger("probe", by="wd watch"),
            local=False,
        )

    def failing(self) -> dict[str, bool]:
        """Of every service that was asked lately whether its server failed to answer, though it could.

        One that is dead or stopped has its own reason: it is no sign of a cause elsewhere.
        """
        now = clock.monotonic()
        found = {}
        for name, watched in tuple(self.services.items()):
            asked = dict(watched.asked_at)
            periods = [spec.every * 2 + spec.timeout for spec in watched.playbook.probes if spec.name in asked]
            if periods and (watched.acting or now - max(asked.values()) <= max(periods)):
                found[name] = watched.failing() and not looking.is_certainly_down(watched)
        return found

    def common_cause(self, watched: Watched) -> str:
        """Why the trouble is not this service's own; empty if it is. After a common cause nobody is back at once."""
        if looking.is_certainly_down(watched):
            return ""
        now = clock.monotonic()
        if found := pressure.common_cause(self.failing()):
            self.common_at = now
            return found
        since = watched.failing_since
        if since is not None and since <= self.common_at and now - self.common_at < pressure.SETTLES:
            settles = format_duration(pressure.SETTLES)
            return f"many services failed at once a moment ago; those that still fail get {settles} to come back"
        return ""

    def note_sample(self, service: str, sample: Sample) -> None:
        with self.lock:
            self.samples.setdefault(service, []).append(sample)

    def wanted(self, watched: Watched) -> Desired:
        """What a person wants of it. A snooze until it is healthy ends here."""
        desired = self.journal.desired(watched.name)
        if desired.state == "snoozed" and is_healthy_again(desired, watched.healthy_since, clock.now()):
            desired = Desired("running", clock.now(), by="wd watch", why="healthy again")
            self.journal.set_desired(watched.name, desired)
            self.say(watched.name, "healthy: it is looked after again")
        return desired

    def store(self) -> None:
        """Write down what was seen since the last time: samples of all services in one go, and changed memories."""
        with self.lock:
            samples, self.samples = self.samples, {}
            dirty = [watched for watched in self.services.values() if watched.dirty]
        if samples:
            self.journal.add_samples(samples)
        for watched in dirty:
            self.remember(watched)
        for name in self.journal.until_healthy():
            if name in self.services:
                self.wanted(self.services[name])

    def remember(self, watched: Watched) -> None:
        """Write one service's memory down now: what follows must not be forgotten by a kill -9."""
        with watched.lock:
            watched.dirty = False
            text = to_text(watched, processes.boot_id())
            gave_up = watched.gave_up_why if watched.gave_up is not None else ""
        self.journal.keep(watched.name, KEY, text)
        self.journal.keep(watched.name, GAVE_UP, gave_up)
