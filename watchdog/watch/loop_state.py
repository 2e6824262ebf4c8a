"""What every part of the loop shares: the home, the journal, the counts, and how to do something later or beside."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from watchdog.journal.store import Journal
from watchdog.model.incident import Desired, Trigger
from watchdog.model.probing import Sample
from watchdog.model.records import record
from watchdog.model.selector import Selector
from watchdog.policy import lock_files, target_lock
from watchdog.policy.deciding import is_healthy_again
from watchdog.policy.pressure import CommonCause
from watchdog.steps.spec import Answer, Context, nobody
from watchdog.system import clock
from watchdog.system.process import processes
from watchdog.watch import log
from watchdog.watch.common_cause import CommonCauses
from watchdog.watch.loop_messages import Message
from watchdog.watch.messenger import Messenger
from watchdog.watch.watched import Watched, to_text

KEY = "watch"  # under which a service's memory is kept in the journal
GAVE_UP = "gave up"  # and why a person was called, for `wd status`
QUESTION = "question"  # what a person is asked, for `wd status`
SIDE_BY_SIDE = 4  # services that are worked on at a time, and that are looked at more closely at a time


@record
class Counts:
    """Numbers since the loop began, for the metrics and for those who ask how it does."""

    asked: int = 0
    unknown: int = 0
    skipped: int = 0  # came due while the question before was still open
    late: int = 0  # runs that the scheduler dropped or joined
    discarded: int = 0  # answers across a time in which wd itself did not run
    broken: int = 0  # jobs that raised
    runs: int = 0
    given_up: int = 0


@record
class LoopState:
    """Handed to every part that needs some of it."""

    home: Path | None
    folder: Path  # of all state
    journal: Journal
    services: dict[str, Watched] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    away: Callable[[float, float], float] = lambda begun, ended: 0.0  # see Heartbeat.away
    later: Callable[[float, Callable[[], None]], None] = lambda seconds, work: None
    beside: Callable[[Callable[[], None]], None] = lambda work: work()
    ask_person: Callable[[str, float, Callable[[], bool]], Answer] = nobody
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    working: set[str] = field(default_factory=set)  # services that are worked on
    looking: set[str] = field(default_factory=set)  # services that are looked at more closely
    messages: queue.SimpleQueue[Message] = field(default_factory=queue.SimpleQueue)
    causes: CommonCauses = field(default_factory=CommonCauses)
    messenger: Messenger = field(default_factory=Messenger)
    waits: bool = True  # for an answer from elsewhere; a single pass does not

    def say(self, service: str, message: str, level: str = "INFO", incident: str = "") -> None:
        log.say(service, message, level, incident)

    def context(self, watched: Watched, cause: Trigger | None = None) -> Context:
        """What a run by the loop is given: nobody sits at a terminal, so every question is answered with no."""
        return Context(
            selector=Selector(service=watched.name),
            say=lambda text: self.say(watched.name, text),
            ask=lambda question: False,
            folder=self.folder / "incidents",
            state=self.folder,
            playbook=watched.playbook,
            home=self.home,
            journal=self.journal,
            trigger=cause or Trigger("probe", by="wd watch"),
            local=False,
        )

    def common_cause(self, watched: Watched) -> CommonCause | None:
        """Why its restart has to wait for others; None if the trouble is its own."""
        return self.causes.why(watched, self.services)

    def reserve(self, watched: Watched) -> bool:
        """Take one of the places for services that are worked on. Each service is worked on once at a time."""
        with self.lock:
            if watched.acting or len(self.working) >= SIDE_BY_SIDE:
                return False
            watched.acting = True
            self.working.add(watched.name)
            return True

    def give_place(self, watched: Watched) -> None:
        """Leave its place to another service, although it is still worked on: what follows only looks at it."""
        with self.lock:
            self.working.discard(watched.name)

    def take_place_again(self, watched: Watched) -> None:
        """It is ended or started once more. Nobody waits for a place in the middle of a run."""
        with self.lock:
            self.working.add(watched.name)

    def release(self, watched: Watched) -> None:
        with self.lock:
            watched.acting = False
            self.working.discard(watched.name)

    @property
    def why_full(self) -> str:
        """Why no further service can be worked on now."""
        full = len(self.working) >= SIDE_BY_SIDE
        return f"{SIDE_BY_SIDE} services are worked on already" if full else ""

    def holder(self, watched: Watched) -> str:
        """Who else works on the service now, on this machine."""
        found = next((held for key in target_lock.keys((), watched.playbook) if (held := lock_files.holder(key))), None)
        return str(found) if found else ""

    def in_other_hands(self, watched: Watched) -> bool:
        """Whether another wd works on it, or a person wants it to be as it is: its end is not a death."""
        return bool(self.holder(watched)) or self.journal.desired(watched.name).state != "running"

    def note_sample(self, service: str, sample: Sample) -> None:
        with self.lock:
            self.samples.setdefault(service, []).append(sample)

    def wanted(self, watched: Watched) -> Desired:
        """What a person wants of it. A snooze until it is healthy ends here."""
        desired = self.journal.desired(watched.name)
        if desired.state == "snoozed" and is_healthy_again(desired, watched.stored.healthy_since, clock.now()):
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
        """Write one service's memory down now: what follows must not be forgotten by a kill -9.

        One at a time for each service: else an older memory could end up over a newer one, and withdraw its question.
        """
        with watched.recording:
            with watched.lock:
                watched.dirty = False
                text = to_text(watched, processes.boot_id())
                gave_up = watched.stored.gave_up_why if watched.stored.gave_up is not None else ""
                question = watched.stored.question
            self.journal.keep(watched.name, KEY, text)
            self.journal.keep(watched.name, GAVE_UP, gave_up)
            self.journal.keep(watched.name, QUESTION, question)
            if not question:
                self.journal.withdraw_questions(watched.name)
