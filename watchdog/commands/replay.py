"""`wd replay`: what other thresholds would have done with the answers that are stored. Nothing is touched.

A kill is false when the server answered well by itself before a restart could have helped it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from watchdog.journal.store import Journal
from watchdog.model.errors import WrongUsage
from watchdog.model.playbook import ProbeSpec, Threshold
from watchdog.model.probing import Sample
from watchdog.model.records import record
from watchdog.policy.judge import ProbeState, judge, reset
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock
from watchdog.text.shown import joined
from watchdog.text.units import format_duration
from watchdog.watch.daemon import loader

HELPED = 60.0  # seconds: what answers by itself within this time after a kill was not lost


@record(frozen=True)
class Replayed:
    """One probe under one threshold."""

    service: str
    probe: str
    answers: int
    kills: tuple[float, ...]  # seconds since the epoch
    false: int
    slowest: float  # the longest time from the first failure to a kill, in seconds

    def record(self) -> dict[str, Any]:
        return {
            "service": self.service,
            "probe": self.probe,
            "answers": self.answers,
            "kills": len(self.kills),
            "false": self.false,
            "slowest_detection": round(self.slowest, 1),
        }


def replay(context: Context, options: Mapping[str, Any]) -> StepResult:
    """WrongUsage for thresholds that cannot be read."""
    since = float(options.get("since") or 7 * 86400.0)
    found: list[Replayed] = []
    wanted = _fails(str(options["fails"])) if options.get("fails") else None
    with Journal.open(context.state, context.say) as journal:
        for playbook in loader(context)():
            restarts = [one.at for one in journal.restarts(playbook.service, clock.now() - since)]
            for spec in playbook.probes:
                if options.get("probe") not in (None, spec.name) or not _triggers(playbook.triggers, spec):
                    continue
                samples = journal.samples(playbook.service, spec.name, clock.now() - since)
                found.append(judged_again(playbook.service, _changed(spec, wanted, options), samples, restarts))
    kills, false = sum(len(one.kills) for one in found), sum(one.false for one in found)
    answers = sum(one.answers for one in found)
    message = f"{answers} answers of {format_duration(since)}: {kills} kills, {false} of them false"
    lines = [message, *(_line(one) for one in found)]
    rows = tuple(one.record() for one in found)
    data = {"answers": answers, "kills": kills, "false": false, "since_seconds": since}
    return StepResult("ok", message, data, rows, text=joined(lines))


def judged_again(service: str, spec: ProbeSpec, samples: Sequence[Sample], restarts: Sequence[float]) -> Replayed:
    """Each kill resets the count, as it would have; what stands in the journal of restarts is taken as it was."""
    state, kills, false, slowest = ProbeState(), [], 0, 0.0
    pending = sorted(restarts)
    for position, sample in enumerate(samples):
        while pending and pending[0] <= sample.at:
            state = reset(state, pending.pop(0))
        first = state.failing_since
        judged = judge(state, sample, spec.threshold, sample.at)
        state = judged.state
        if judged.trouble and sample.verdict == "failed":
            kills.append(sample.at)
            slowest = max(slowest, sample.at - (first if first is not None else sample.at))
            false += _came_back(samples[position + 1 :], sample.at, restarts)
            state = reset(state, sample.at)
    answers = sum(sample.count for sample in samples)
    return Replayed(service, spec.name, answers, tuple(kills), false, slowest)


def _came_back(later: Sequence[Sample], at: float, restarts: Sequence[float]) -> bool:
    """Whether it answered well soon, with no restart in between that could have been why."""
    for sample in later:
        if sample.at - at > HELPED or any(at <= when <= sample.at for when in restarts):
            return False
        if sample.verdict in ("ok", "slow"):
            return True
    return False


def _triggers(triggers: Sequence[Any], spec: ProbeSpec) -> bool:
    return any(one.kind == "probe" and one.subject == spec.name for one in triggers)


def _changed(spec: ProbeSpec, wanted: Threshold | None, options: Mapping[str, Any]) -> ProbeSpec:
    threshold = replace(wanted, lasting=spec.threshold.lasting) if wanted else spec.threshold
    if options.get("for") is not None:
        threshold = replace(threshold, lasting=float(options["for"]))
    return replace(spec, threshold=threshold)


def _fails(text: str) -> Threshold:
    """As a playbook writes it."""
    from watchdog.config.measures import Fails

    try:
        return Fails().read(text)
    except ValueError as error:
        raise WrongUsage(
            f"--fails {text!r} is not valid", str(error), 'Write --fails 3, or --fails "3 of 5".'
        ) from None


def _line(one: Replayed) -> str:
    slow = f", the slowest {format_duration(one.slowest)} after its first failure" if one.kills else ""
    return f"  {one.service} {one.probe}: {one.answers} answers, {len(one.kills)} kills, {one.false} false{slow}"
