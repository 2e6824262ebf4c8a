"""From trouble to a decision: run, wait, hold, give up, or leave it. Pure; the order of the questions is the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal

from watchdog.model.incident import Desired
from watchdog.model.playbook import Mode
from watchdog.model.records import record
from watchdog.policy.budget import Limit, Permit
from watchdog.policy.pressure import CommonCause
from watchdog.text.units import format_duration, iso

Kind = Literal["run", "ask", "would", "wait", "hold", "give-up", "leave"]
Reason = Literal["due", "agreed", "wish", "wrong-program", "held", "starved", "common-cause", "full", "moment"] | Limit
WELL_ALL_THE_TIME = 60.0  # seconds
AGAIN = 5.0  # seconds after which a hold is looked at again
FREE_AGAIN = 0.2  # seconds after which a place among those that are worked on is looked for again
RUNNING = Desired()


@record(frozen=True)
class Situation:
    """All that a decision depends on, at one moment."""

    service: str
    mode: Mode
    runbook: str
    now: float  # seconds since the epoch
    permit: Permit
    desired: Desired = RUNNING
    strange: str = ""  # another program than the configured one is there
    starved: str = ""  # why the machine itself is in trouble
    certain: bool = False  # nothing of it runs, or it is stopped: however slow the machine is, that is not slowness
    common: CommonCause | None = None  # the trouble is not this service's own
    holder: str = ""  # who else works on it now
    full: str = ""  # why no further service can be worked on at this moment
    planned: bool = False  # nothing is broken yet: it may wait for a good moment
    moment: str = ""  # why a planned run has to wait; empty: this is a good moment


@record(frozen=True)
class Decision:
    """What is done now, and why. `again` is in how many seconds to look again; None: when there is news."""

    kind: Kind
    reason: Reason
    why: str = ""  # the reason for a person, with its figures
    again: float | None = None
    about: str = ""  # which wish, which kind of common cause

    @property
    def key(self) -> tuple[Kind, Reason, str]:
        """Decisions with the same key say the same, whatever the figures of the moment are."""
        return self.kind, self.reason, self.about


def decide(situation: Situation) -> Decision:
    """What a careful person would do. In the modes observe and ask the very same is decided, and said."""
    decision = _decide(situation)
    if decision.kind not in ("run", "give-up"):
        return decision
    if situation.mode == "observe":
        deed = f"run {situation.runbook}" if decision.kind == "run" else "give up and call a person"
        why = f"would {deed}: {decision.why}" if decision.why else f"would {deed}"
        return replace(decision, kind="would", why=why)
    if situation.mode == "ask" and decision.kind == "run":
        return replace(decision, kind="ask")
    return decision


def _decide(situation: Situation) -> Decision:
    permit, desired = situation.permit, situation.desired
    if desired.state != "running":
        return Decision("leave", "wish", _wanted(desired), about=f"{desired.state} {desired.since}")
    if permit.verdict == "given-up":
        told = f"gave up: {permit.why}; once fixed, run `wd resume {situation.service}`"
        return Decision("leave", permit.limit, told)
    if situation.strange:
        return Decision("give-up", "wrong-program", situation.strange)
    if permit.verdict == "give-up":
        return Decision("give-up", permit.limit, permit.why)
    if situation.holder:
        return Decision("leave", "held", f"{situation.holder} is working on it", AGAIN)
    if situation.starved and not situation.planned and not situation.certain:
        return Decision("hold", "starved", f"the machine is starved: {situation.starved}", AGAIN)
    if situation.common:
        return Decision("hold", "common-cause", situation.common.why, AGAIN, situation.common.kind)
    if permit.verdict == "wait":
        return Decision("wait", permit.limit, permit.why, max(0.1, permit.at - situation.now))
    if situation.full:
        return Decision("wait", "full", situation.full, FREE_AGAIN)
    if situation.planned and situation.moment:
        return Decision("wait", "moment", situation.moment, AGAIN)
    return Decision("run", "due")


def _wanted(desired: Desired) -> str:
    who = f"{desired.by or 'a person'} wants it {desired.state} since {iso(desired.since)}"
    until = f" until {iso(desired.until)}" if desired.until is not None else ""
    until = " until it is healthy" if desired.until_healthy else until
    return f"{who}{until}{': ' + desired.why if desired.why else ''}"


def is_healthy_again(desired: Desired, healthy_since: float | None, now: float) -> bool:
    """Whether a snooze "until healthy" is over: it was well again since, or all the time for long enough to be sure
    that the person had nothing in mind that was still to come."""
    if not desired.until_healthy or healthy_since is None:
        return False
    return healthy_since > desired.since or now - desired.since >= WELL_ALL_THE_TIME


def step_of(ladder: tuple[str, ...], attempts: int) -> str:
    """The runbook whose turn it is: each one that did not help is followed by the next, the last one stays."""
    return ladder[min(attempts, len(ladder) - 1)]


def quiet_moment(windows: Mapping[str, bool], in_flight: int, waited: float, most: float) -> str:
    """Why a planned restart has to wait; empty for now. `windows` says of each quiet window whether it is open.

    Requests under way are waited for, but not for ever: after `most` seconds it is done all the same.
    """
    if windows and not any(windows.values()):
        return "no quiet window is open"
    if in_flight and waited < most:
        return f"{in_flight} requests are under way; they get {format_duration(most - waited)} more"
    return ""


def local_time(now: float) -> datetime:
    """A moment in the machine's own zone."""
    return datetime.fromtimestamp(now).astimezone()
