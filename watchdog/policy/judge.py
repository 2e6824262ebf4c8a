"""What a probe's answers come to over time: pure, and with no clock of its own.

A verdict is reached by counting, never by one answer, with three exceptions that a person would make too: a second sign
that the server is stuck (it is stopped, or its main thread has not moved while our question waited) shortens the count,
a sign of life lengthens it, and what was seen while we ourselves were not running does not count at all.

Times named `at` are seconds on the monotonic clock of this boot.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

from watchdog.model.playbook import Threshold
from watchdog.model.probing import Sample
from watchdog.model.records import record

Level = Literal["unknown", "starting", "ok", "slow", "failing", "trouble"]
EventKind = Literal["starting", "failing", "trouble", "slow", "recovered", "unknown"]

KEPT = 40  # verdicts of the past that are kept at least; more where a threshold looks further back


@record(frozen=True)
class Signs:
    """What else was seen at the moment of an answer. Empty: nothing else is known, and counting alone decides."""

    identity: str = ""  # of the server's first process; the count of another one starts again
    age: float | None = None  # seconds since that process began, by its own start time
    stopped: bool = False  # by a signal: it cannot answer until somebody continues it
    still: bool = False  # its main thread has not moved at all while our question waited
    queue_grows: bool = False  # more connections wait to be accepted than at the look before
    alive: str = ""  # a sign of life in words: "answers its other probe"

    @property
    def second(self) -> str:
        """The sign in words that stands beside the missing answer; empty if there is none."""
        if self.stopped:
            return "the process is stopped"
        if self.still:
            return "its main thread has not moved"
        return "connections queue up" if self.queue_grows else ""


@record(frozen=True)
class ProbeState:
    """All that is remembered of one probe between two answers."""

    level: Level = "unknown"
    since: float = 0.0  # when the level began
    recent: str = ""  # verdicts that count, newest last: "o" ok, "s" slow, "f" failed
    failing_since: float | None = None  # the first failure of this streak
    failed_at: float | None = None  # when the question was put whose failure counted last
    identity: str = ""  # of the process that was judged last
    answered: bool = False  # that process has answered well once: its start is over
    unknowns: int = 0  # answers in a row that said nothing about the server


@record(frozen=True)
class Event:
    """Something a person or the policy should know."""

    kind: EventKind
    message: str
    fresh: bool = True  # False: the trouble was known before


@record(frozen=True)
class Judged:
    """The new state and what is to be told about it."""

    state: ProbeState
    event: Event | None = None

    @property
    def trouble(self) -> bool:
        return self.state.level == "trouble"


NOTHING_ELSE = Signs()


def judge(
    state: ProbeState,
    sample: Sample,
    threshold: Threshold,
    at: float,
    signs: Signs = NOTHING_ELSE,
    grace: float = 0.0,
    every: float = 0.0,
) -> Judged:
    """One answer more. `grace` is how many seconds after its own start a server's failures do not count.

    `every` is the seconds between two questions. One that was put out of turn, right beside another, saw the same
    moment: the failures of both count as one.
    """
    if sample.verdict == "unknown":
        return _unknown(state, sample)
    state = _same_process(state, signs)
    if state.unknowns:
        state = replace(state, unknowns=0)
    if sample.verdict == "failed":
        if _starts(state, signs, grace):
            return _starting(state, signs, grace, at)
        if not signs.stopped and _is_the_same_moment(state, at - sample.seconds, every):
            return Judged(state)
        return _failed(state, sample, threshold, at, signs)
    return _answered(state, sample, threshold, at)


def reset(state: ProbeState, at: float) -> ProbeState:
    """After a restart: what the old server did is not held against the new one."""
    return ProbeState(level="starting", since=at, identity=state.identity)


def needed(threshold: Threshold, signs: Signs = NOTHING_ELSE) -> tuple[int, int]:
    """(failures, of how many answers) that count as trouble, with the other signs taken into account."""
    fails, of = threshold.fails, max(threshold.of, threshold.fails)
    if signs.stopped:
        return 1, 1
    if signs.second:
        fewer = math.ceil(fails / 2)
        return fewer, max(fewer, of - (fails - fewer))
    if signs.alive:
        return 2 * fails, 2 * of
    return fails, of


def _kept(threshold: Threshold) -> int:
    return max(KEPT, 2 * threshold.of)


def _same_process(state: ProbeState, signs: Signs) -> ProbeState:
    """Another process than before has done nothing yet."""
    if not signs.identity or signs.identity == state.identity:
        return state
    if not state.identity:
        return replace(state, identity=signs.identity)
    return ProbeState(identity=signs.identity, level="starting", since=state.since)


def _starts(state: ProbeState, signs: Signs, grace: float) -> bool:
    if state.answered or signs.age is None or signs.stopped:
        return False
    return signs.age < grace


def _is_the_same_moment(state: ProbeState, asked: float, every: float) -> bool:
    return state.level == "failing" and state.failed_at is not None and asked - state.failed_at < every / 2


def _unknown(state: ProbeState, sample: Sample) -> Judged:
    count = state.unknowns + 1
    event = Event("unknown", sample.message, fresh=count == 1)
    return Judged(replace(state, unknowns=count), event)


def _starting(state: ProbeState, signs: Signs, grace: float, at: float) -> Judged:
    fresh = state.level != "starting"
    state = replace(state, level="starting", since=at if fresh else state.since)
    left = grace - (signs.age or 0.0)
    return Judged(state, Event("starting", f"not up yet; {left:.0f} s are left for the start", fresh))


def _failed(state: ProbeState, sample: Sample, threshold: Threshold, at: float, signs: Signs) -> Judged:
    recent = (state.recent + "f")[-_kept(threshold) :]
    first = state.failing_since if state.failing_since is not None else at
    fails, of = needed(threshold, signs)
    count = recent[-of:].count("f")
    lasted = at - first
    known = state.level == "trouble"
    trouble = known or (count >= fails and lasted >= threshold.lasting)
    level: Literal["trouble", "failing"] = "trouble" if trouble else "failing"
    since = state.since if state.level == level else at
    asked = at - sample.seconds
    state = replace(state, level=level, since=since, recent=recent, failing_since=first, failed_at=asked)
    return Judged(state, Event(level, _sentence(sample, count, fails, of, signs), fresh=not known))


def _sentence(sample: Sample, count: int, fails: int, of: int, signs: Signs) -> str:
    counted = f"{count} of {fails} failures" if fails == of else f"{count} failures in the last {of} answers"
    if count >= fails:
        counted = f"{count} failures in a row" if fails == of else counted
        counted = "1 failure" if count == 1 else counted
    also = f", {signs.second}" if signs.second else (f", but {signs.alive}" if signs.alive else "")
    return f"{sample.message or 'failed'} ({counted}{also})"


def _answered(state: ProbeState, sample: Sample, threshold: Threshold, at: float) -> Judged:
    """An answer that is not a failure. Out of trouble only when the failures of the window are not enough any more."""
    recent = (state.recent + ("s" if sample.verdict == "slow" else "o"))[-_kept(threshold) :]
    was = state.level
    _, of = needed(threshold)
    if was == "ok" and sample.verdict == "ok" and state.recent == "o" * _kept(threshold) and state.answered:
        return Judged(state)  # one more good answer in a long row of them
    window = recent[-of:]
    clean = "f" not in window
    if was == "trouble" and window.count("f") >= threshold.fails:
        return Judged(replace(state, recent=recent, answered=True))  # 3 of 5 still holds: one good answer is not a cure
    level: Level = "slow" if window.count("s") >= threshold.fails else "ok"
    since = state.since if was == level else at
    kept = state.failing_since if of > threshold.fails and not clean and was != "trouble" else None
    new = replace(state, level=level, since=since, recent=recent, failing_since=kept, answered=True)
    if was in ("trouble", "starting"):
        return Judged(new, Event("recovered", sample.message or "answers again"))
    if level == "slow" and was != "slow":
        return Judged(new, Event("slow", sample.message or "slow answers"))
    return Judged(new)
