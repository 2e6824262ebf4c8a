"""How long a service was down, and how that is known: from the first sign of failure to the first good answer. Pure.

Signs, best first: the process ended or was stopped, a probe of the loop got no good answer, a client waits for a reply,
the log shows a failed request. Without any of them only the run itself is known, and the time is a lower bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from watchdog.model.causes import HEALTHY
from watchdog.model.evidence import Evidence
from watchdog.model.incident import DownFrom, Incident, StepRecord
from watchdog.model.probing import Sample
from watchdog.model.records import record
from watchdog.steps.registry import does, proves_return
from watchdog.targets.flight import is_unanswered
from watchdog.text.stamps import stamp

_BY_SIGN = frozenset({"probe", "death", "log", "alert"})  # triggers behind which the server does not serve
_BY_PLAN = frozenset({"limit", "cron", "every", "trend"})  # and behind which it does
_STATUS = re.compile(r'HTTP/\d(?:\.\d)?" (\d{3})\b')


@record(frozen=True)
class Sign:
    """The first sign of a failure."""

    at: float  # seconds since the epoch
    source: DownFrom
    exact: bool  # False: it may have failed before


@record(frozen=True)
class Downtime:
    """`seconds` is None where the run did not touch the service, or nothing failed."""

    seconds: float | None = None
    since: float | None = None
    source: DownFrom | None = None
    exact: bool = False


def downtime(
    incident: Incident,
    records: Sequence[StepRecord],
    samples: Sequence[Sample] = (),
    evidence: Evidence | None = None,
    now: float | None = None,
) -> Downtime:
    """`samples`: the answers to the health probe before the run. `now` ends the time where nothing proves the end."""
    done = [one for one in records if one.outcome in ("ok", "warning")]
    if not any(does(one.step, "ends", "starts") for one in done):
        return Downtime()
    sign = _begin(incident, records, samples, evidence)
    if sign is None:
        return Downtime()
    back = _back(done)
    if back is None and not any(does(one.step, "starts") for one in records):
        return Downtime(None, sign.at, sign.source)  # nobody wants it back
    end = back if back is not None else now
    seconds = max(0.0, end - sign.at) if end is not None else None
    return Downtime(seconds, sign.at, sign.source, sign.exact and back is not None)


def _begin(
    incident: Incident, records: Sequence[StepRecord], samples: Sequence[Sample], evidence: Evidence | None
) -> Sign | None:
    trigger = incident.trigger
    ended = next((one.begun for one in records if does(one.step, "ends")), None)
    if evidence is not None and ended is not None and evidence.taken > ended:
        evidence = None  # it shows what came after
    signs = [*_ended_or_stopped(incident, evidence), *_first_failure(incident, samples)]
    if signs:
        return min(signs, key=lambda one: one.at)
    well = any((one.data or {}).get("verdict") in HEALTHY for one in records)
    if ended is not None and (trigger.kind in _BY_PLAN or well):
        return Sign(ended, "run", exact=True)
    for found in (*_waiting(evidence, samples), *_in_log(evidence)):
        if found.at < incident.opened:
            return found
    if ended is None and trigger.kind == "person":
        return None  # it was stopped on purpose, for all that is known
    return Sign(incident.opened, "run", exact=False)


def _ended_or_stopped(incident: Incident, evidence: Evidence | None) -> Iterator[Sign]:
    trigger = incident.trigger
    if trigger.kind == "death" and trigger.since is not None:
        yield Sign(trigger.since, "process-state", exact=True)
    for look in evidence.looks if evidence else ():
        asleep = [one.asleep for one in look.threads if one.state == "T" and one.asleep is not None]
        if evidence and look.process.state == "T" and asleep:
            yield Sign(evidence.taken - min(asleep), "process-state", exact=True)


def _first_failure(incident: Incident, samples: Sequence[Sample]) -> Iterator[Sign]:
    """The first of the failures that have followed one another until the run."""
    first, before = None, None
    for sample in reversed(samples):
        if sample.verdict == "unknown":
            continue
        if sample.verdict != "failed":
            before = sample
            break
        first = sample
    trigger = incident.trigger
    if trigger.kind in _BY_SIGN - {"death"} and trigger.since is not None:
        yield Sign(trigger.since, "probe", exact=before is not None)
    if first is not None:
        yield Sign(first.at, "probe", exact=before is not None)


def _waiting(evidence: Evidence | None, samples: Sequence[Sample]) -> Iterator[Sign]:
    """The client that has waited longest; one from before the last good answer waits for something else."""
    if evidence is None:
        return
    good = max((one.at for one in samples if one.verdict in ("ok", "slow")), default=float("-inf"))
    waits = [one.received_ago for one in evidence.connections if one.served and is_unanswered(one)]
    begun = [evidence.taken - seconds for seconds in waits if seconds is not None]
    if since := [at for at in begun if at > good]:
        yield Sign(min(since), "queue", exact=False)


def _in_log(evidence: Evidence | None) -> Iterator[Sign]:
    """The first request with a status of 500 or more after the last good one, in an access log."""
    for log in evidence.logs if evidence else ():
        if (first := _first_error(log.text.splitlines())) is not None:
            yield Sign(first, "log", exact=False)


def _first_error(lines: Iterable[str]) -> float | None:
    first = None
    for line in lines:
        status = _STATUS.search(line)
        if status is None:
            continue
        failed = int(status[1]) >= 500
        first = (first or stamp(line)) if failed else None
    return first


def _back(done: Sequence[StepRecord]) -> float | None:
    """When the answer came that a later step proved to be the end."""
    proof = next((one for one in reversed(done) if proves_return(one.step)), None)
    if proof is None:
        return None
    data = proof.data or {}
    return float((data.get("verify") or data).get("back") or proof.begun + proof.seconds)
