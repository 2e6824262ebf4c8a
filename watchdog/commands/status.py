"""`wd status`: every service with its state, since when, availability, restarts, deaths and the curve of its memory."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from watchdog.commands.sidecar_sessions import Session, sessions
from watchdog.commands.standing import Standing
from watchdog.commands.status_lines import MARKS, details, overview
from watchdog.journal.store import Journal
from watchdog.model.errors import BadConfig
from watchdog.model.exits import exit_of
from watchdog.model.launching import ShimRecord
from watchdog.model.playbook import Playbook, ProbeSpec
from watchdog.model.probing import Sample
from watchdog.policy import lock_files, target_lock
from watchdog.probes import registry
from watchdog.report.availability import WINDOWS, Availability, availability
from watchdog.starting import launch
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock
from watchdog.system.host import kernel_log
from watchdog.text.shown import joined
from watchdog.text.units import counted

_NOTHING = "the home has no playbook; `wd init --from :PORT` writes one from a running server"
DEATHS = 5  # shown of each service
_ORDER = ("failed", "unknown", "slow", "stopped", "ok")
_LAG = 6.0  # seconds until the loop has written an answer down
_LATE = 3.0  # intervals after which a missing answer means that nobody asks any more


def status(context: Context, options: Mapping[str, Any]) -> StepResult:
    """One line for each service, worst first, or all of the one that was named. The exit code is the worst state.

    A playbook with mistakes is named and makes the whole "unknown" at best; it hides no other service.
    """
    bridges = _bridges(context)
    wanted, broken = _playbooks(context, bridges)
    found = sorted(standings(context, wanted), key=lambda one: (_ORDER.index(one.state), one.playbook.service))
    others = [one for name, one in bridges.items() if name not in {playbook.service for playbook in wanted}]
    states = (
        [one.state for one in found]
        + [one.state for one in others]
        + ["unknown"] * (bool(broken) or not (found or others))
    )
    worst = min(states, key=_ORDER.index)
    rows = (*(one.record() for one in found), *(one.record() for one in others))
    now = clock.now()
    lines = details(found[0], now) if found and context.selector.service else overview(found, now)
    more = (f"{MARKS[one.state]} {one.service}  {one.state}  {one.message}" for one in others)
    told = (f"? {path.name}  has mistakes: `wd validate {shlex.quote(str(path))}`" for path in broken)
    count = len(found) + len(others)
    message = f"{counted(count, 'service')}, the worst is {worst}" if count else _NOTHING
    data = {"services": count, "worst": worst, "broken": [str(path) for path in broken]}
    return StepResult("ok", message, data, rows, exit_of(worst), joined([*lines, *more, *told]))


def _bridges(context: Context) -> dict[str, Session]:
    """The sessions of `wd sidecar`; it needs no home and no playbook."""
    with Journal.open(context.state, context.say) as journal:
        found = sessions(journal, clock.now())
    name = context.selector.service
    return {name: found[name]} if name in found else {} if name else found


def _playbooks(context: Context, bridges: Mapping[str, Session]) -> tuple[tuple[Playbook, ...], tuple[Path, ...]]:
    """(those to show, files with mistakes). BadConfig without a home, and nothing else to show."""
    from watchdog.config import playbooks

    if bridges and (context.home is None or context.selector.service not in (None, *playbooks.names(context.home))):
        return (), ()
    if context.home is None:
        raise BadConfig("no home was found", todo="Name one with --home or $WD_HOME, or make one with `wd init`.")
    name = context.selector.service
    return ((playbooks.service(context.home, name),), ()) if name else playbooks.sound(context.home)


def standings(context: Context, wanted: Sequence[Playbook]) -> tuple[Standing, ...]:
    """How each of these services stands, as the journal knows it."""
    with Journal.open(context.state, context.say) as journal:
        kills = _oom_kills()
        return tuple(_standing(journal, one, context.state, kills) for one in wanted)


def _standing(journal: Journal, playbook: Playbook, state: Path, kills: Mapping[int, str]) -> Standing:
    now = clock.now()
    samples = journal.samples(playbook.service, since=now - WINDOWS[-1][1])
    verdict, since, message = _verdict(playbook, samples)
    session = sessions(journal, now).get(playbook.service) if playbook.sidecar else None
    if session is not None:
        verdict, since, message = session.state, session.since, session.message
    if verdict in ("ok", "slow") and since is not None:
        # A death between two questions is not a failed answer, and yet it was not well before.
        since = max([since, *_came_up(journal, playbook, now)])
    desired = journal.desired(playbook.service)
    if desired.state == "stopped" and verdict not in ("ok", "slow"):
        verdict, since, message = "stopped", desired.since, f"stopped by {desired.by or 'a person'}"
    restarts = [one.at for one in journal.restarts(playbook.service, now - WINDOWS[-1][1])]
    memory = [
        (one.at, one.value)
        for one in samples
        if one.unit == "B" and one.value is not None and _is_memory(playbook, one)
    ]
    return Standing(
        playbook=playbook,
        state=verdict,
        since=since,
        message=message,
        next_check=_next_check(playbook, samples, now),
        desired=desired,
        gave_up=journal.kept(playbook.service, "gave up"),
        question=journal.kept(playbook.service, "question"),
        figures=tuple(_figures(journal, playbook, samples, restarts, now)),
        deaths=tuple(_deaths(state, playbook, kills)),
        memory=tuple(memory[-1000:]),
        sidecar=session.figures if session else None,
        last_asked=samples[-1].at if samples else None,
        holder=next((str(held) for key in target_lock.keys((), playbook) if (held := lock_files.holder(key))), ""),
    )


def _verdict(playbook: Playbook, samples: Sequence[Sample]) -> tuple[str, float | None, str]:
    """The worst of the newest answers of all probes, since when it has been so, and what that one said.

    It is well since the last probe became well; in trouble since the first of those that are.
    """
    newest: dict[str, Sample] = {}
    begun: dict[str, float] = {}
    for sample in samples:
        before = newest.get(sample.probe)
        if before is None or before.verdict != sample.verdict:
            begun[sample.probe] = sample.at
        newest[sample.probe] = sample
    order = {spec.name: (not registry.health(spec.kind), place) for place, spec in enumerate(playbook.probes)}
    there = sorted((newest[name] for name in newest if name in order), key=lambda one: order[one.probe])
    if not there:
        return "unknown", None, "never checked"
    worst = min(there, key=lambda one: _ORDER.index(one.verdict))
    alike = [begun[one.probe] for one in there if one.verdict == worst.verdict]
    return worst.verdict, max(alike) if worst.verdict == "ok" else min(alike), f"{worst.probe}: {worst.message}"


def _came_up(journal: Journal, playbook: Playbook, now: float) -> list[float]:
    """When the last restarts and outages were over."""
    last = journal.incidents(playbook.service, now - WINDOWS[-1][1], 5)
    outages = [
        one.down_since + one.downtime
        for one in last
        if one.outcome == "recovered" and one.down_since is not None and one.downtime is not None
    ]
    return [*outages, *(one.at for one in journal.restarts(playbook.service, now - WINDOWS[-1][1])[-1:])]


def _next_check(playbook: Playbook, samples: Sequence[Sample], now: float) -> float | None:
    last = {sample.probe: sample.at for sample in samples}
    due = [last[spec.name] + spec.every for spec in playbook.probes if spec.name in last]
    late = [last[spec.name] + _LATE * spec.every + spec.timeout + _LAG for spec in playbook.probes if spec.name in last]
    return max(now, min(due)) if due and max(late) > now else None


def _health_probe(playbook: Playbook) -> ProbeSpec | None:
    return registry.best_for_health(playbook.probes)


def _figures(
    journal: Journal, playbook: Playbook, samples: Sequence[Sample], restarts: Sequence[float], now: float
) -> Iterator[Availability]:
    probe = _health_probe(playbook)
    if probe is None:
        return
    own = [sample for sample in samples if sample.probe == probe.name]
    outages = [
        (one.down_since, one.down_since + one.downtime)
        for one in journal.incidents(playbook.service, now - WINDOWS[-1][1], 1000)
        if one.down_since is not None and one.downtime is not None
    ]
    for name, seconds in WINDOWS:
        yield availability(name, seconds, now, own, probe.every, outages, restarts)


def _is_memory(playbook: Playbook, sample: Sample) -> bool:
    return any(one.name == sample.probe and one.kind == "memory" for one in playbook.probes)


def _oom_kills() -> dict[int, str]:
    """What the kernel said about processes that it ended because memory ran out; empty without the right to read it."""
    try:
        return {one.pid: one.text for one in kernel_log.oom_kills(clock.now())}
    except OSError:
        return {}


def _deaths(state: Path, playbook: Playbook, kills: Mapping[int, str]) -> Iterator[tuple[ShimRecord, str]]:
    ended = [one for one in launch.records(state, playbook.service) if one.ended is not None and one.pid]
    for one in reversed(ended[-DEATHS:]):
        if one.pid in kills:
            yield one, "ended by the kernel because memory ran out"
        elif one.signal is not None:
            yield one, f"ended by {_signal_name(one.signal)}"
        else:
            yield one, f"ended with code {one.code}" if one.code is not None else one.error or "ended"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
