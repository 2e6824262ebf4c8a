"""How the services stand, as the journal knows it: the records behind `wd status` and the page.

Whoever looks again keeps the object: each look reads only the answers that are new.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from watchdog.commands.sidecar_sessions import Session, sessions
from watchdog.commands.standing import ORDER, Standing
from watchdog.journal.glance import Glance
from watchdog.journal.store import Journal
from watchdog.model.incident import Desired
from watchdog.model.launching import UNKNOWN_END, ShimRecord
from watchdog.model.playbook import Playbook
from watchdog.model.probing import Sample
from watchdog.model.records import record
from watchdog.policy import lock_files, target_lock
from watchdog.probes import registry
from watchdog.report.availability import WINDOWS, Availability, availability, joined
from watchdog.starting import launch
from watchdog.system import clock
from watchdog.system.host import kernel_log
from watchdog.text import exit_codes

_MONTH = WINDOWS[-1][1]
_DEATHS = 5  # shown of each service
_LAG = 6.0  # seconds until the loop has written an answer down
_LATE = 3.0  # intervals after which a missing answer means that nobody asks any more
POINTS = 1000  # of a curve
_ANSWERS = 90  # of the probe that tells best whether the service serves
_RECOUNTED = 60.0  # seconds for which figures over days and weeks stay as they are


@record
class _Known:
    """What the looks so far have found out about one service."""

    playbook: Playbook
    memory: deque[tuple[float, float]]  # (seconds since the epoch, bytes)
    cpu: deque[tuple[float, float]]  # (seconds since the epoch, percent of a core)
    newest: dict[str, Sample] = field(default_factory=dict)  # of each probe
    begun: dict[str, float] = field(default_factory=dict)  # since when each probe answers like that
    answers: deque[Sample] = field(default_factory=lambda: deque(maxlen=_ANSWERS))
    figures: tuple[Availability, ...] = ()
    figures_at: float = float("-inf")

    def begin(self, journal: Journal, service: str, since: float) -> None:
        """What a look needs of the past: the last answers of each probe, and since when they are alike."""
        curves = self.curves
        best = registry.best_for_health(self.playbook.probes)
        found: list[Sample] = []
        for name in {one.name for one in self.playbook.probes}:
            most = _ANSWERS if best is not None and name == best.name else 1
            most = curves[name].maxlen or POINTS if name in curves else most
            found += journal.newest_samples(service, name, since, most)
        self.add(sorted(found, key=lambda one: one.at))
        self.begun = {name: journal.unchanged_since(service, one, since) for name, one in self.newest.items()}

    def add(self, samples: Iterable[Sample]) -> None:
        """In the order of time; what is known already is passed over."""
        best = registry.best_for_health(self.playbook.probes)
        curves = self.curves
        for sample in samples:
            before = self.newest.get(sample.probe)
            if before is not None and sample.at <= before.at:
                continue
            if before is None or before.verdict != sample.verdict:
                self.begun[sample.probe] = sample.at
            self.newest[sample.probe] = sample
            if best is not None and sample.probe == best.name:
                self.answers.append(sample)
            if sample.probe in curves and sample.value is not None:
                curves[sample.probe].append((sample.at, sample.value))

    @property
    def curves(self) -> dict[str, deque[tuple[float, float]]]:
        """By the name of the probe that measures it."""
        probes = ((self.playbook.memory_probes, self.memory), (self.playbook.cpu_probes, self.cpu))
        return {one.name: curve for found, curve in probes for one in found}


@record(frozen=True)
class _Moment:
    """What is found out once for all services of a look."""

    now: float
    said: Glance
    sessions: Mapping[str, Session]
    kills: Mapping[int, str]
    locks: Path


class Standings:
    """Of some services. Not for several threads at a time."""

    def __init__(self, journal: Journal, state: Path, playbooks: Sequence[Playbook], points: int = POINTS) -> None:
        """`points`: how many of a curve are kept."""
        self._journal, self._state = journal, state
        self._known = {one.service: _Known(one, deque(maxlen=points), deque(maxlen=points)) for one in playbooks}
        self._seen = -1  # the number of the newest answer that was read; -1: none was
        self._counted = False  # whether the figures of all were counted once

    def look(self) -> tuple[Standing, ...]:
        now = clock.now()
        self._read(now)
        self._count(now)
        has_sidecars = any(one.playbook.sidecar for one in self._known.values())
        moment = _Moment(
            now,
            self._journal.glance(now - _MONTH),
            sessions(self._journal, now) if has_sidecars else {},
            _oom_kills(),
            lock_files.locks_folder(),
        )
        return tuple(self._standing(one, moment) for one in self._known.values())

    def _read(self, now: float) -> None:
        edge = self._journal.last_sample()
        if self._seen < 0:
            for name, known in self._known.items():
                known.begin(self._journal, name, now - _MONTH)
        elif edge != self._seen:
            for name, samples in self._journal.samples_after(self._seen).items():
                if name in self._known:
                    self._known[name].add(samples)
        self._seen = edge

    def _count(self, now: float) -> None:
        """The figures over days and weeks, of some services in each look: of all at once it would be a long one."""
        for place, known in enumerate(self._known.values()):
            if now - known.figures_at >= _RECOUNTED:
                known.figures = tuple(_figures(self._journal, known.playbook, now))
                known.figures_at = now if self._counted else now - _RECOUNTED * place / len(self._known)
        self._counted = True

    def _standing(self, known: _Known, moment: _Moment) -> Standing:
        playbook, name, said = known.playbook, known.playbook.service, moment.said
        verdict, since, message = _verdict(known)
        session = moment.sessions.get(name) if playbook.sidecar else None
        if session is not None:
            verdict, since, message = session.state, session.since, session.message
        if verdict in ("ok", "slow") and since is not None:
            # A death between two questions is not a failed answer, and yet it was not well before.
            since = max(since, said.came_up.get(name, since))
        desired = said.desired.get(name, Desired())
        if desired.state == "stopped" and verdict not in ("ok", "slow"):
            verdict, since, message = "stopped", desired.since, f"stopped by {desired.by or 'a person'}"
        newest = known.newest.values()
        return Standing(
            playbook=playbook,
            state=verdict,
            since=since,
            message=message,
            next_check=_next_check(known, moment.now),
            desired=desired,
            gave_up=said.gave_up.get(name, ""),
            question=said.question.get(name, ""),
            approval=said.approval.get(name, ""),
            figures=known.figures,
            deaths=tuple(_deaths(self._state, playbook, moment.kills)),
            memory=tuple(known.memory),
            cpu=tuple(known.cpu),
            answers=tuple(known.answers),
            sidecar=session.figures if session else None,
            last_asked=max((one.at for one in newest), default=None),
            holder=_holder(playbook, moment.locks),
        )


def _verdict(known: _Known) -> tuple[str, float | None, str]:
    """The worst of the newest answers of all probes, since when it has been so, and what that one said.

    It is well since the last probe became well; in trouble since the first of those that are.
    """
    probes = known.playbook.probes
    order = {spec.name: (not registry.health(spec.kind), place) for place, spec in enumerate(probes)}
    there = sorted((one for name, one in known.newest.items() if name in order), key=lambda one: order[one.probe])
    if not there:
        return "unknown", None, "never checked"
    worst = min(there, key=lambda one: ORDER.index(one.verdict))
    alike = [known.begun[one.probe] for one in there if one.verdict == worst.verdict]
    return worst.verdict, max(alike) if worst.verdict == "ok" else min(alike), f"{worst.probe}: {worst.message}"


def _holder(playbook: Playbook, locks: Path) -> str:
    found = (lock_files.holder(key, locks) for key in target_lock.keys((), playbook))
    return str(next(filter(None, found), ""))


def _next_check(known: _Known, now: float) -> float | None:
    last = {name: sample.at for name, sample in known.newest.items()}
    asked = [spec for spec in known.playbook.probes if spec.name in last]
    due = [last[spec.name] + spec.every for spec in asked]
    late = [last[spec.name] + _LATE * spec.every + spec.timeout + _LAG for spec in asked]
    return max(now, min(due)) if due and max(late) > now else None


def _figures(journal: Journal, playbook: Playbook, now: float) -> Iterator[Availability]:
    probe = registry.best_for_health(playbook.probes)
    if probe is None:
        return
    restarts = [one.at for one in journal.restarts(playbook.service, now - _MONTH)]
    outages = journal.outages(playbook.service, now - _MONTH)
    spans = joined((start, min(now, end)) for start, end in outages)
    own = journal.counted(playbook.service, probe.name, [now - seconds for _, seconds in WINDOWS], spans)
    for name, seconds in WINDOWS:
        yield availability(name, seconds, now, own, probe.every, outages, restarts)


def _oom_kills() -> dict[int, str]:
    """What the kernel said about processes that it ended because memory ran out; empty without the right to read it."""
    try:
        return {one.pid: one.text for one in kernel_log.oom_kills(clock.now())}
    except OSError:
        return {}


def _deaths(state: Path, playbook: Playbook, kills: Mapping[int, str]) -> Iterator[tuple[ShimRecord, str]]:
    ended = [one for one in launch.records(state, playbook.service) if one.ended is not None and one.pid]
    for one in reversed(ended[-_DEATHS:]):
        if one.limit:
            yield one, f"ended at its limit (start.limits.{one.limit})"
        elif one.pid in kills:
            yield one, "ended by the kernel because memory ran out"
        elif one.planned:
            yield one, "ended as it had announced (STOPPING=1)"
        elif one.end_is_unknown:
            yield one, f"ended; {UNKNOWN_END}"
        elif one.signal is not None:
            yield one, f"ended by {_signal_name(one.signal)}"
        else:
            yield one, f"ended with {exit_codes.in_words(one.code)}" if one.code is not None else one.error or "ended"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
