"""May the loop restart this service now? Pure: back-off, limits, giving up, and the crash loop seen in its own history.

Times are seconds since the epoch, because they must survive a restart of wd and of the machine. A clock that was set
back makes restarts lie in the future: they count as just done, never as forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from watchdog.model.playbook import Backoff, Policy
from watchdog.model.records import record
from watchdog.text.units import format_duration

HOUR = 3600.0
CRASHES = 3  # lives that ended by themselves, in a row, before it is called a crash loop
SHORT = 300.0  # seconds: a server that lived longer did not die from starting
ALIKE = 0.35  # how far lifetimes of one crash loop may lie from their median, as a part of it


@record(frozen=True)
class Life:
    """One process that served, from its start to its end."""

    pid: int  # 0: it was found dead, how long it lived is not known
    started: float
    ended: float
    by_itself: bool = True  # False: ended by us or by a person, which says nothing about the server

    @property
    def seconds(self) -> float:
        return max(0.0, self.ended - self.started)


@record(frozen=True)
class History:
    """What the journal knows of one service, newest last."""

    restarts: tuple[float, ...] = ()  # by the loop, of this service
    all_restarts: tuple[float, ...] = ()  # by the loop, of every service
    lives: tuple[Life, ...] = ()
    healthy_since: float | None = None  # since when it has answered without a failure
    gave_up: float | None = None  # when a person was called
    gave_up_why: str = ""
    same_cause: int = 0  # restarts for the signature at hand


Limit = Literal["", "given-up", "crash-loop", "too-many", "same-cause", "hour", "hour-everywhere", "back-off"]


@record(frozen=True)
class Permit:
    """The answer. `at` is when a "wait" is over."""

    verdict: Literal["go", "wait", "give-up", "given-up"]
    limit: Limit = ""  # which one is reached
    why: str = ""  # the same for a person
    at: float = 0.0


@record(frozen=True)
class CrashLoop:
    """It dies by itself again and again, about `period` seconds after each start."""

    pids: tuple[int, ...]
    period: float
    times: int

    def __str__(self) -> str:
        pids = ", ".join(str(pid) for pid in self.pids)
        return (
            f"it died {len(self.pids)} times in a row, about {format_duration(self.period)} after each start ({pids})"
        )


def permit(policy: Policy, history: History, now: float) -> Permit:
    """Whether a restart may begin now. "give-up" is said once, "given-up" from then on until a person resumes."""
    if history.gave_up is not None and not _earned_back(policy.backoff, history, now):
        return Permit("given-up", "given-up", history.gave_up_why or "a person was called")
    restarts = since_good(policy.backoff, history, now)
    if loop := crash_loop(history.lives):
        return Permit("give-up", "crash-loop", str(loop))
    limit = policy.give_up
    recent = _within(restarts, limit.within, now)
    if len(recent) >= limit.restarts:
        times = f"{len(recent)} restarts within {format_duration(limit.within)} did not last"
        return Permit("give-up", "too-many", times)
    if policy.same_cause and history.same_cause >= policy.same_cause:
        often = f"the same trouble for the {history.same_cause + 1}th time: restarts only hide it"
        return Permit("give-up", "same-cause", often)
    if (hour := _hour_limit("hour", history.restarts, policy.per_hour, now)) is not None:
        return hour
    if (hour := _hour_limit("hour-everywhere", history.all_restarts, policy.per_hour_everywhere, now)) is not None:
        return hour
    if restarts:
        pause = delay(policy.backoff, len(restarts))
        # A restart in the future was written under another clock: the wait begins now.
        at = min(restarts[-1], now) + pause
        if at > now:
            return Permit(
                "wait", "back-off", f"restart {len(restarts) + 1} in a row waits {format_duration(pause)}", at
            )
    return Permit("go")


def delay(backoff: Backoff, restarts: int) -> float:
    """Seconds between the restart before and the next one; the first restart of a series waits for nothing."""
    if restarts <= 0:
        return 0.0
    return min(backoff.most, backoff.first * backoff.factor ** min(restarts - 1, 64))


def since_good(backoff: Backoff, history: History, now: float) -> tuple[float, ...]:
    """The restarts of the present series: those before a healthy time of `reset_after` are forgiven."""
    good = history.healthy_since
    if good is not None and now - good >= backoff.reset_after:
        return tuple(when for when in history.restarts if when > now)
    series: list[float] = []
    for when in sorted(history.restarts):
        if series and min(when, now) - series[-1] >= backoff.reset_after + backoff.most:
            series.clear()
        series.append(when)
    return tuple(series)


def crash_loop(lives: Sequence[Life]) -> CrashLoop | None:
    """Seen in the last lives alone: short, ended by themselves, one after the other, and about equally long."""
    from statistics import median  # here: it brings fractions and decimals along

    newest: list[Life] = []
    for life in reversed(lives):
        if not life.by_itself or life.seconds > SHORT or len(newest) == 2 * CRASHES:
            break
        newest.insert(0, life)
    while len(newest) >= CRASHES:
        known = [life for life in newest if life.pid]
        period = median(life.seconds for life in known) if known else 0.0
        # At the least a second: starts under load differ by that much.
        if all(abs(life.seconds - period) <= max(ALIKE * period, 1.0) for life in known):
            return CrashLoop(tuple(life.pid for life in known), period, len(newest))
        newest.pop(0)
    return None


def _earned_back(backoff: Backoff, history: History, now: float) -> bool:
    """Healthy for long enough after we gave up: somebody fixed it, so the whole budget is there again."""
    good = history.healthy_since
    return good is not None and good >= (history.gave_up or 0.0) and now - good >= backoff.reset_after


def _within(times: Sequence[float], seconds: float, now: float) -> list[float]:
    return [when for when in times if now - when < seconds]


def _hour_limit(limit: Limit, restarts: Sequence[float], most: int, now: float) -> Permit | None:
    recent = _within(restarts, HOUR, now)
    if not most or len(recent) < most:
        return None
    oldest = sorted(recent)[len(recent) - most]
    whose = "of this service" if limit == "hour" else "over all services"
    return Permit("wait", limit, f"{len(recent)} restarts {whose} within the hour are enough", min(oldest, now) + HOUR)
