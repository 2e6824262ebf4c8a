"""`wd status`: every service with its state, since when, availability, restarts, deaths and the curve of its memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from watchdog.journal.store import Journal
from watchdog.model.errors import BadConfig
from watchdog.model.exits import Exit
from watchdog.model.incident import Desired
from watchdog.model.launching import ShimRecord
from watchdog.model.playbook import Playbook, ProbeSpec
from watchdog.model.printable import printable
from watchdog.model.probing import Sample
from watchdog.model.units import counted, format_duration, format_size, iso
from watchdog.policy.availability import WINDOWS, Availability, availability
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock, kernel_log, launch

DEATHS = 5  # that are told of each service
_BARS = "▁▂▃▄▅▆▇█"
_CURVE = 40  # columns
_ORDER = ("failed", "unknown", "slow", "ok")
_EXITS = {"failed": Exit.CRITICAL, "slow": Exit.WARNING, "unknown": Exit.UNKNOWN, "ok": Exit.FINE}
_LATE = 3.0  # intervals after which a missing answer means that nobody asks any more


@dataclass(frozen=True, slots=True)
class Standing:
    """One service as the journal knows it."""

    playbook: Playbook
    state: str  # ok, slow, failed, unknown
    since: float | None  # when that began, seconds since the epoch
    message: str
    next_check: float | None  # None: nobody asks
    desired: Desired
    gave_up: str
    figures: tuple[Availability, ...]
    deaths: tuple[tuple[ShimRecord, str], ...]  # (record, how it ended in words), newest first
    memory: tuple[float, ...]

    def record(self) -> dict[str, Any]:
        return {
            "service": self.playbook.service,
            "state": self.state,
            "since": iso(self.since) if self.since is not None else None,
            "message": self.message,
            "mode": self.playbook.policy.mode,
            "desired": self.desired.state,
            "desired_until": iso(self.desired.until) if self.desired.until is not None else None,
            "given_up": self.gave_up or None,
            "next_check": iso(self.next_check) if self.next_check is not None else None,
            "target": self.playbook.policy.target,
            "windows": [one.record() for one in self.figures],
            "deaths": [
                {
                    "pid": one.pid,
                    "ended": iso(one.ended) if one.ended is not None else None,
                    "code": one.code,
                    "signal": one.signal,
                    "why": why,
                    "peak_rss": one.peak_rss,
                    "last_lines": list(one.last_lines[-3:]),
                }
                for one, why in self.deaths
            ],
            "memory": [round(value) for value in self.memory],
        }


def status(context: Context, options: Mapping[str, Any]) -> StepResult:
    """All services of the home, or the one that was named. The exit code is the worst state."""
    found = standings(context)
    worst = next((state for state in _ORDER if any(one.state == state for one in found)), "unknown")
    rows = tuple(one.record() for one in found)
    text = "\n".join(line for one in found for line in lines(one))
    message = f"{counted(len(found), 'service')}, the worst is {worst}"
    return StepResult("ok", message, {"services": len(found), "worst": worst}, rows, _EXITS[worst], text)


def standings(context: Context) -> tuple[Standing, ...]:
    """BadConfig without a home."""
    from watchdog.config import playbooks

    if context.playbook is not None:
        wanted: Sequence[Playbook] = (context.playbook,)
    elif context.home is None:
        raise BadConfig("no home was found", todo="Name one with --home or $WD_HOME, or make one with `wd init`.")
    else:
        wanted = playbooks.load_all(context.home)
    with Journal.open(context.state, context.say) as journal:
        kills = _oom_kills()
        return tuple(_standing(journal, one, context.state, kills) for one in wanted)


def _standing(journal: Journal, playbook: Playbook, state: Path, kills: Mapping[int, str]) -> Standing:
    now = clock.now()
    samples = journal.samples(playbook.service, since=now - WINDOWS[-1][1])
    verdict, since, message = _verdict(playbook, samples)
    restarts = [one.at for one in journal.restarts(playbook.service, now - WINDOWS[-1][1])]
    memory = [one.value for one in samples if one.unit == "B" and one.value is not None and _is_memory(playbook, one)]
    return Standing(
        playbook=playbook,
        state=verdict,
        since=since,
        message=message,
        next_check=_next_check(playbook, samples, now),
        desired=journal.desired(playbook.service),
        gave_up=journal.kept(playbook.service, "gave up"),
        figures=tuple(_figures(journal, playbook, samples, restarts, now)),
        deaths=tuple(_deaths(state, playbook, kills)),
        memory=tuple(memory[-1000:]),
    )


def _verdict(playbook: Playbook, samples: Sequence[Sample]) -> tuple[str, float | None, str]:
    """The worst of the newest answers of all probes, since when that one has been so, and what it said."""
    newest: dict[str, Sample] = {}
    begun: dict[str, float] = {}
    for sample in samples:
        before = newest.get(sample.probe)
        if before is None or before.verdict != sample.verdict:
            begun[sample.probe] = sample.at
        newest[sample.probe] = sample
    known = {spec.name for spec in playbook.probes}
    there = [sample for name, sample in newest.items() if name in known]
    if not there:
        return "unknown", None, "nothing was asked yet"
    worst = min(there, key=lambda one: _ORDER.index(one.verdict))
    return worst.verdict, begun[worst.probe], f"{worst.probe}: {worst.message}"


def _next_check(playbook: Playbook, samples: Sequence[Sample], now: float) -> float | None:
    last = {sample.probe: sample.at for sample in samples}
    due = [last[spec.name] + spec.every for spec in playbook.probes if spec.name in last]
    late = [last[spec.name] + _LATE * spec.every + spec.timeout for spec in playbook.probes if spec.name in last]
    return max(now, min(due)) if due and max(late) > now else None


def _health_probe(playbook: Playbook) -> ProbeSpec | None:
    kinds = ("http", "tcp", "command", "process")
    return min(
        (one for one in playbook.probes if one.kind in kinds), key=lambda one: kinds.index(one.kind), default=None
    )


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
    """What the kernel said about processes that it ended for want of memory; nothing without the right to read it."""
    try:
        return {one.pid: one.text for one in kernel_log.oom_kills(clock.now())}
    except OSError:
        return {}


def _deaths(state: Path, playbook: Playbook, kills: Mapping[int, str]) -> Iterator[tuple[ShimRecord, str]]:
    ended = [one for one in launch.records(state, playbook.service) if one.ended is not None]
    for one in reversed(ended[-DEATHS:]):
        if one.pid in kills:
            yield one, "ended by the kernel for want of memory"
        elif one.signal is not None:
            yield one, f"ended by signal {one.signal}"
        else:
            yield one, f"ended with code {one.code}" if one.code is not None else one.error or "ended"


def lines(one: Standing) -> Iterator[str]:
    """One service for a person."""
    now = clock.now()
    for_long = f" for {format_duration(max(0.0, now - one.since))}" if one.since is not None else ""
    yield f"{one.playbook.service}: {one.state}{for_long}: {printable(one.message)}"
    if one.desired.state != "running":
        until = f" until {iso(one.desired.until)}" if one.desired.until is not None else ""
        until = " until it is healthy" if one.desired.until_healthy else until
        yield f"  {one.desired.state} by {printable(one.desired.by or 'a person')}{until}"
    if one.gave_up:
        yield f"  wd gave up: {printable(one.gave_up)}; `wd resume --service {one.playbook.service}` begins anew"
    due = f"in {format_duration(one.next_check - now)}" if one.next_check is not None else "nobody asks now (wd watch)"
    yield f"  mode {one.playbook.policy.mode}, next check {due}"
    for figure in one.figures:
        yield f"  {figure.window:<6}{_figure(figure, one.playbook.policy.target)}"
    if len(one.memory) > 1:
        yield f"  memory {curve(one.memory)} {format_size(min(one.memory))} to {format_size(max(one.memory))}"
    for death, why in one.deaths:
        yield f"  {_death(death, why, now)}"


def _figure(figure: Availability, target: float) -> str:
    if figure.percent is None:
        return "nothing was asked"
    mark = "" if figure.meets(target) else f" (below {target:g} %)"
    held = f", held {format_duration(figure.held)} on average" if figure.held is not None else ""
    down = f", down {format_duration(figure.down)}" if figure.down else ""
    return f"{figure.percent:.3f} %{mark}{down}, {figure.restarts} restarts{held}"


def _death(one: ShimRecord, why: str, now: float) -> str:
    ago = f"{format_duration(max(0.0, now - (one.ended or now)))} ago"
    lived = format_duration(max(0.0, (one.ended or now) - one.started))
    peak = f", at most {format_size(one.peak_rss)}" if one.peak_rss else ""
    last = f": {printable(one.last_lines[-1])[:100]}" if one.last_lines else ""
    return f"{ago}: pid {one.pid} {why} after {lived}{peak}{last}"


def curve(values: Sequence[float], columns: int = _CURVE) -> str:
    """A line of bars; each column is the mean of its share of the values."""
    if not values:
        return ""
    columns = min(columns, len(values))
    edges = [len(values) * column // columns for column in range(columns + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    steps = len(_BARS) - 1
    return "".join(_BARS[round((mean - low) / (high - low) * steps) if high > low else 0] for mean in means)
