"""What a playbook's policy will do, and when: the arithmetic of thresholds, back-off and giving up. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from watchdog.model.playbook import Playbook, ProbeSpec, Threshold, TriggerSpec
from watchdog.model.records import record
from watchdog.policy.budget import delay
from watchdog.policy.judge import NOTHING_ELSE, Signs, needed
from watchdog.policy.patience import evidence_time, grace
from watchdog.probes import registry
from watchdog.text.units import format_duration

_EXACT = 1e-9  # of a beat: what arithmetic with fractions may be off by
TIMES = 8  # restarts whose delays are shown


@record(frozen=True)
class Detection:
    """How long after a trouble begins its runbook ends the server, in seconds; the latest with the evidence kept."""

    probe: str
    runbooks: tuple[str, ...]
    stopped: float  # at the earliest, where it is stopped by a signal
    certain: float  # at the earliest, where another second sign shows that it is stuck
    earliest: float  # by counting alone
    latest: float
    patient: float  # at the latest, while it shows signs of life
    measure: bool = False  # nothing hangs: a limit is passed, and the run waits for a good moment


@record(frozen=True)
class Explanation:
    """All that follows from one playbook."""

    service: str
    mode: str
    detections: tuple[Detection, ...]
    others: tuple[tuple[str, tuple[str, ...]], ...]  # (what sets it off, runbooks)
    grace: float
    evidence: float  # seconds that evidence may stand before the kill; contained in the times of the detections
    delays: tuple[float, ...]  # before the first restart, the second …
    reset_after: float
    give_up: tuple[int, float]  # (restarts, within)
    given_up_after: float | None  # seconds from the first restart, if none of them helps; None: other limits come first
    per_hour: int
    told: int  # how many addresses

    def record(self) -> dict[str, object]:
        return {
            "service": self.service,
            "mode": self.mode,
            "detections": [
                {
                    "probe": one.probe,
                    "run": list(one.runbooks),
                    "kill_earliest": round(one.earliest, 3),
                    "kill_latest": round(one.latest, 3),
                    "kill_earliest_when_stopped": round(one.stopped, 3),
                    "kill_earliest_when_stuck": round(one.certain, 3),
                    "kill_latest_with_signs_of_life": round(one.patient, 3),
                    "waits_for_a_good_moment": one.measure,
                }
                for one in self.detections
            ],
            "triggers": [{"on": on, "run": list(run)} for on, run in self.others],
            "grace": self.grace,
            "evidence": round(self.evidence, 3),
            "delays": list(self.delays),
            "reset_after": self.reset_after,
            "give_up": {"restarts": self.give_up[0], "within": self.give_up[1], "after": self.given_up_after},
            "per_hour": self.per_hour,
            "told": self.told,
        }


def explain(playbook: Playbook) -> Explanation:
    policy = playbook.policy
    probes = {probe.name: probe for probe in playbook.probes}
    detections, others = [], []
    for trigger in playbook.triggers:
        if trigger.kind == "probe" and trigger.subject in probes:
            probe = probes[trigger.subject]
            if registry.of(probe.kind).measure:
                detections.append(passing(probe, trigger.run))
            else:
                detections.append(detection(probe, trigger.run, evidence_time(playbook, "probe")))
        else:
            others.append((_on(trigger), trigger.run))
    restarts = policy.give_up.restarts
    delays = tuple(delay(policy.backoff, number) for number in range(min(restarts, TIMES)))
    return Explanation(
        service=playbook.service,
        mode=policy.mode,
        detections=tuple(detections),
        others=tuple(others),
        grace=grace(playbook),
        evidence=evidence_time(playbook, "probe"),
        delays=delays,
        reset_after=policy.backoff.reset_after,
        give_up=(restarts, policy.give_up.within),
        given_up_after=_given_up_after(playbook, detections),
        per_hour=policy.per_hour,
        told=len(playbook.receivers),
    )


def detection(probe: ProbeSpec, runbooks: Sequence[str], evidence: float = 0.0) -> Detection:
    """At the earliest the hang begins right before a question, at the latest right after one."""
    last = probe.every + evidence
    return Detection(
        probe=probe.name,
        runbooks=tuple(runbooks),
        stopped=_counted(probe, Signs(stopped=True)),
        certain=_counted(probe, Signs(still=True)),
        earliest=_counted(probe),
        latest=_counted(probe) + last,
        patient=_counted(probe, Signs(alive="yes")) + last,
    )


def _counted(probe: ProbeSpec, signs: Signs = NOTHING_ELSE) -> float:
    """Seconds from the first question that gets no answer to trouble, by the judge's own count.

    A question that hangs is followed by the next one as soon as its time is over, at the earliest on its beat.
    """
    fails, _ = needed(probe.threshold, signs)
    beat = max(probe.every, probe.timeout)
    beats = max(fails - 1, math.ceil(probe.threshold.lasting / beat - _EXACT))
    return probe.timeout + beats * beat


def passing(probe: ProbeSpec, runbooks: Sequence[str]) -> Detection:
    """A limit that is passed is seen at the next look, and each look is answered at once."""
    counted = _counted(replace(probe, timeout=0.0))
    latest = counted + probe.every + probe.timeout
    return Detection(probe.name, tuple(runbooks), counted, counted, counted, latest, latest, measure=True)


def _given_up_after(playbook: Playbook, detections: Sequence[Detection]) -> float | None:
    """If no restart helps: each one is followed by its detection and the next delay, until the last is used up."""
    policy = playbook.policy
    restarts = policy.give_up.restarts
    if policy.per_hour and policy.per_hour < restarts:
        return None
    each = next((one.latest for one in detections if not one.measure), 0.0)
    waits = [max(each, delay(policy.backoff, number)) for number in range(1, restarts)]
    total = math.fsum(waits) + each
    return total if total <= policy.give_up.within else None


def _on(trigger: TriggerSpec) -> str:
    if trigger.kind == "death":
        return "a death, at once"
    if trigger.kind == "alert":
        return "an alert that comes to the page (`wd web`)"
    if trigger.kind == "every":
        return f"every {format_duration(trigger.every)}"
    words = {"cron": "at", "log": "the log line", "trend": "the trend of"}
    return f"{words.get(trigger.kind, trigger.kind)} {trigger.subject}"


def shown(threshold: Threshold) -> str:
    """As a playbook writes it."""
    return str(threshold.fails) if threshold.of <= threshold.fails else f"{threshold.fails} of {threshold.of}"
