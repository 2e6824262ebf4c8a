"""One service as the loop knows it between two rounds, and the part of it that outlives the loop."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import asdict, field, fields, replace
from pathlib import Path
from typing import Any

from watchdog.model.evidence import Answer, Evidence
from watchdog.model.playbook import Playbook, ProbeSpec, Threshold, TriggerSpec
from watchdog.model.probing import Sample
from watchdog.model.process import Identity, Tree
from watchdog.model.records import record
from watchdog.policy.budget import Life
from watchdog.policy.judge import ProbeState
from watchdog.probes import registry
from watchdog.system import clock
from watchdog.watch.standby_starter import StandbyStarter

CALENDAR = ("cron", "every")  # kinds of triggers behind which there is not a trouble
LIVES = 12  # that are remembered
LOG_EVERY = 2.0  # seconds between two looks at the logs for a trigger


@record
class Stored:
    """The part that outlives the loop. Moments are seconds since the epoch."""

    states: dict[str, ProbeState] = field(default_factory=dict)
    bookmarks: dict[str, str] = field(default_factory=dict)
    lives: list[Life] = field(default_factory=list)
    healthy_since: float | None = None
    gave_up: float | None = None
    gave_up_why: str = ""
    crash_loop_told: float | None = None  # when a person was told of one behind a held socket
    attempts: dict[str, int] = field(default_factory=dict)  # runs of each trigger's ladder that did not help
    restart_attempts: list[float] = field(default_factory=list)  # runs that were to restart it and have not
    question: str = ""  # put to a person and not answered
    told: float | None = None  # when people were notified of its trouble; None once they were notified of its end
    paged: set[str] = field(default_factory=set)  # questions for which a person was called, as nobody was there


@record
class Watched:
    """What is known now, and `stored`. Code that reads and writes more than one field holds `lock`."""

    playbook: Playbook
    stored: Stored = field(default_factory=Stored)
    starts: Path | None = None  # the folder in which shims record what they have started as this service
    dirty: bool = False  # `stored` has changed
    latest: dict[str, Sample] = field(default_factory=dict)
    asked_at: dict[str, float] = field(default_factory=dict)  # on the monotonic clock
    tree: Tree | None = None
    looked_at: float | None = None  # when the tree was looked for, on the monotonic clock
    wrong_program: str = ""  # another program than the configured one runs there
    last_members: frozenset[Identity] | None = None  # who ran last, where nothing runs any more; None: something does
    died_at: float | None = None  # when the server ended that nobody replaced, seconds since the epoch
    queue: int = 0  # connections that waited at the last look
    asking: set[str] = field(default_factory=set)  # probes under way
    rerun_requested: set[str] = field(default_factory=set)  # probes that came due meanwhile
    acting: bool = False
    standby: StandbyStarter | None = None  # the process that may start it
    evidence: Evidence | None = None  # seen while failures were counted
    answers_since: Callable[[], tuple[Answer, ...]] | None = None  # to the questions of that evidence, as known by now
    looked_closely_at: float = float("-inf")  # on the monotonic clock
    asked: set[str] = field(default_factory=set)  # questions that were put to a person in the present trouble
    announced: set[tuple[str, str, str]] = field(default_factory=set)  # keys of decisions that were logged
    lock: threading.RLock = field(default_factory=threading.RLock)
    recording: threading.RLock = field(default_factory=threading.RLock)  # taken before `lock`, while memory is written

    @property
    def name(self) -> str:
        return self.playbook.service

    @property
    def identity(self) -> Identity | None:
        return self.tree.root.identity if self.tree else None

    @property
    def may_be_started(self) -> bool:
        """Whether a run after its death starts it: it acts, has its own command, and has not given up."""
        acts = self.playbook.policy.mode == "act" and bool(death_triggers(self.playbook))
        start = self.playbook.start
        return acts and self.stored.gave_up is None and bool(start.command) and not start.through

    def forget_trouble(self) -> None:
        """It is over: the next trouble is logged and asked about again."""
        self.announced.clear()
        self.asked.clear()
        self.stored.paged.clear()
        self.stored.question = ""

    @property
    def specs(self) -> tuple[ProbeSpec, ...]:
        """The playbook's probes, and one for each trigger that looks at a log."""
        return (
            *self.playbook.probes,
            *(log_probe(one, at) for at, one in enumerate(self.playbook.triggers) if one.kind == "log"),
        )

    def end_the_future(self, now: float, moved: float = 0.0) -> None:
        """The clock was set, by `moved`: nothing may lie after `now`, and healthy time stays as long as it was."""
        with self.lock:
            stored = self.stored
            stored.restart_attempts = [min(when, now) for when in stored.restart_attempts]
            stored.lives = [one if one.ended <= now else _ending(one, now) for one in stored.lives]
            if stored.gave_up is not None:
                stored.gave_up = min(stored.gave_up, now)
            if stored.healthy_since is not None:
                stored.healthy_since = min(stored.healthy_since + moved, now)

    def state(self, probe: str) -> ProbeState:
        return self.stored.states.get(probe, ProbeState())

    def failing(self) -> bool:
        """Whether the last answer of a probe that the server itself has to answer was a failure."""
        return any(
            self.state(spec.name).level in ("failing", "trouble") for spec in self.playbook.probes if _answers(spec)
        )

    @property
    def failing_since(self) -> float | None:
        """Since when a probe that the server itself has to answer fails, on the monotonic clock."""
        states = [self.state(spec.name) for spec in self.playbook.probes if _answers(spec)]
        return min((one.failing_since for one in states if one.failing_since is not None), default=None)

    @property
    def failed_at(self) -> float | None:
        """When such a probe was asked last in vain, in seconds since the epoch."""
        states = [self.state(spec.name) for spec in self.playbook.probes if _answers(spec)]
        last = max((one.failed_at for one in states if one.failed_at is not None), default=None)
        return clock.now() - (clock.monotonic() - last) if last is not None else None

    @property
    def level(self) -> str:
        """The worst of its probes, in one word."""
        order = ("trouble", "failing", "slow", "starting", "unknown", "ok")
        levels = {self.state(spec.name).level for spec in self.playbook.probes}
        return next((level for level in order if level in levels), "unknown")


def _ending(life: Life, at: float) -> Life:
    return replace(life, started=at - life.seconds, ended=at)


def _answers(spec: ProbeSpec) -> bool:
    return registry.answers(spec.kind)


def log_probe(trigger: TriggerSpec, position: int) -> ProbeSpec:
    """A trigger on a log line is a probe that fails at the first match."""
    return ProbeSpec(f"log {position + 1}", "log", trigger.subject, LOG_EVERY, 10.0, Threshold(1, 1), trigger.settings)


def triggers_of(playbook: Playbook, probe: str) -> tuple[TriggerSpec, ...]:
    """The triggers that a probe in trouble sets off."""
    found = [one for one in playbook.triggers if one.kind == "probe" and one.subject == probe]
    for position, one in enumerate(playbook.triggers):
        if one.kind == "log" and log_probe(one, position).name == probe:
            found.append(one)
    return tuple(found)


def death_triggers(playbook: Playbook) -> tuple[TriggerSpec, ...]:
    """What a death sets off: its own triggers, else what the first probe that must be answered would set off soon."""
    own = tuple(one for one in playbook.triggers if one.kind == "death")
    if own:
        return own
    return next(
        (found for spec in playbook.probes if _answers(spec) and (found := triggers_of(playbook, spec.name))), ()
    )


def to_text(watched: Watched, boot: str) -> str:
    """What must outlive the loop. Moments on the monotonic clock mean something in this boot only."""
    stored = watched.stored
    kept = {one.name: getattr(stored, one.name) for one in fields(stored)}
    kept |= {
        "boot": boot,
        "states": {name: asdict(state) for name, state in stored.states.items()},
        "lives": [asdict(life) for life in stored.lives],
        "paged": sorted(stored.paged),
    }
    return json.dumps(kept, separators=(",", ":"))


def from_text(playbook: Playbook, text: str, boot: str, starts: Path | None = None) -> Watched:
    """As it was stored. What cannot be read is as if it had never been known."""
    watched = Watched(playbook, starts=starts)
    stored = watched.stored
    try:
        kept: dict[str, Any] = json.loads(text) if text else {}
        names = {spec.name for spec in watched.specs}
        stored.bookmarks = {name: str(mark) for name, mark in kept.get("bookmarks", {}).items() if name in names}
        stored.lives = [Life(**life) for life in kept.get("lives", ())][-LIVES:]
        stored.healthy_since = kept.get("healthy_since")
        stored.gave_up, stored.gave_up_why = kept.get("gave_up"), kept.get("gave_up_why", "")
        stored.told = kept.get("told")
        stored.attempts = {str(key): int(count) for key, count in kept.get("attempts", {}).items()}
        stored.restart_attempts = [float(when) for when in kept.get("restart_attempts", ())][-LIVES:]
        stored.question = str(kept.get("question", ""))
        stored.paged = {str(one) for one in kept.get("paged", ())}
        if kept.get("boot") == boot:
            states = kept.get("states", {})
            stored.states = {name: ProbeState(**state) for name, state in states.items() if name in names}
        watched.end_the_future(clock.now())
    except (ValueError, TypeError, AttributeError):
        return Watched(playbook, starts=starts)
    return watched
