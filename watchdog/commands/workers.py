"""`wd workers`: how many workers a server should have, how the present number stands, and how it fares."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from watchdog.model.errors import CannotTell, NothingMatched, WrongUsage
from watchdog.model.exits import Exit
from watchdog.model.records import record
from watchdog.model.selector import Selector
from watchdog.steps.spec import Context, StepOutcome, StepResult
from watchdog.system.disk import files
from watchdog.system.host import machine
from watchdog.targets import resolve
from watchdog.text.shown import joined
from watchdog.text.units import counted, format_size
from watchdog.workers import access_log, command_line
from watchdog.workers.arithmetic import Count, Standing, count, standing
from watchdog.workers.indicators import Indicator, Targets, judge
from watchdog.workers.measure import Measured, measure

_LOG = 50_000_000  # bytes of an access log that are read, its end


@record(frozen=True)
class _Given:
    """What is known, from the options first, from the measurement else."""

    cpus: float
    memory: int
    worker_memory: int | None
    peak_users: int | None


def workers(context: Context, options: Mapping[str, Any]) -> StepResult:
    """The count, the gunicorn line, the present setting and the indicators."""
    measured = _measured(context)
    given = _given(options, measured)
    wanted = count(given.cpus, given.memory, given.worker_memory, given.peak_users)
    present = None
    number = options.get("workers") or (measured.workers if measured is not None else None)
    if number is not None and given.worker_memory:
        beside = measured.beside if measured is not None else 0
        present = standing(int(number), given.memory, given.worker_memory, beside)
    indicators = _indicators(options, measured, _named(context.selector))
    line = _line(measured, wanted.workers)
    code = _code(wanted, present, indicators)
    outcome: StepOutcome = {Exit.FINE: "ok", Exit.WARNING: "warning"}.get(code, "failed")  # type: ignore[assignment]
    return StepResult(
        outcome,
        wanted.words(),
        _record(given, wanted, present, indicators, line),
        exit=code,
        text=_text(given, wanted, present, indicators, line),
    )


def _line(measured: Measured | None, workers: int) -> str:
    if measured is None:
        return command_line.line((), workers)
    return command_line.line(measured.command, workers, measured.bind, measured.framework)


def _measured(context: Context) -> Measured | None:
    if context.selector.empty and context.playbook is None:
        return None
    trees = resolve.resolve(context.selector, context.playbook)
    if not trees:
        raise NothingMatched(f"nothing matches {context.selector}", todo="give --cpus, --memory and --worker-memory")
    if len(trees) > 1:
        raise WrongUsage(f"{len(trees)} servers match", todo="name one: --pid or --port")
    context.say("measuring for a second …")
    return measure(trees[0])


def _given(options: Mapping[str, Any], measured: Measured | None) -> _Given:
    cpus = _number(options.get("cpus")) or (measured.cpus if measured is not None else machine.glance().cpus)
    room = measured.memory if measured is not None else machine.memory_room()[0]
    memory = int(options.get("memory") or room)
    one = int(options.get("worker_memory") or (measured.worker_memory if measured is not None else 0)) or None
    if one is None and measured is None:
        raise WrongUsage("the memory of one worker is not known", todo="name the server (:8000), or --worker-memory")
    users = options.get("peak_users")
    return _Given(cpus, memory, one, int(users) if users is not None else None)


def _named(selector: Selector) -> str:
    """How a command names the server."""
    if selector.service or selector.pid:
        return selector.service or f"--pid {selector.pid}"
    return f":{selector.port or 'PORT'}"


def _indicators(options: Mapping[str, Any], measured: Measured | None, server: str) -> tuple[Indicator, ...]:
    answers = None
    if options.get("access_log"):
        text, _size, error = files.tail(Path(options["access_log"]), _LOG)
        if error:
            raise CannotTell(f"{options['access_log']} cannot be read", error)
        answers = access_log.parse(text.splitlines())
        if not answers.total:
            raise CannotTell(f"{options['access_log']} is not an access log that wd knows", "no line tells a status")
    targets = Targets(p95=float(options.get("p95") or 30.0), errors=_percent(options.get("errors")))
    if measured is None and answers is None:
        return ()
    cpu = measured.cpu_share if measured is not None else None
    memory = measured.memory_share if measured is not None else None
    found = judge(cpu, memory, answers, targets, server)
    return tuple(one for one in found if one.value is not None or one.name == "P95")


def _code(wanted: Count, present: Standing | None, indicators: tuple[Indicator, ...]) -> Exit:
    if any(one.critical for one in indicators) or (present is not None and present.risk == "high"):
        return Exit.CRITICAL
    warned = any(one.action for one in indicators) or (present is not None and present.risk == "medium")
    more = present is not None and present.workers > wanted.workers
    return Exit.WARNING if warned or more else Exit.FINE


def _record(
    given: _Given, wanted: Count, present: Standing | None, indicators: tuple[Indicator, ...], line: str
) -> dict[str, Any]:
    return {
        "workers": wanted.workers,
        "by_cpu": list(wanted.by_cpu),
        "by_memory": wanted.by_memory,
        "by_users": wanted.by_users,
        "limited_by": wanted.limited_by,
        "cpus": given.cpus,
        "memory": given.memory,
        "worker_memory": given.worker_memory,
        "peak_users": given.peak_users,
        "command": line,
        "present": {
            "workers": present.workers,
            "needed": present.needed,
            "share": round(present.share, 3),
            "risk": present.risk,
        }
        if present is not None
        else None,
        "indicators": [
            {
                "name": one.name,
                "value": round(one.value, 4) if one.value is not None else None,
                "target": one.target,
                "action": one.action,
            }
            for one in indicators
        ],
    }


def _text(given: _Given, wanted: Count, present: Standing | None, indicators: tuple[Indicator, ...], line: str) -> str:
    one = f", {format_size(given.worker_memory)} a worker" if given.worker_memory else ""
    lines = [
        wanted.words(),
        f"  from {given.cpus:g} CPUs, {format_size(given.memory)} of memory{one}",
        *(["", f"  {line}"] if line else []),
    ]
    if present is not None:
        told = {"low": "low", "medium": "medium: little head-room", "high": "high: an OOM kill is to be expected"}
        lines += [
            "",
            f"now: {counted(present.workers, 'worker')}, {format_size(present.needed)} ({present.share:.0%} of the "
            f"memory), OOM risk {told[present.risk]}",
        ]
        if present.workers > wanted.workers:
            lines.append(f"  too many: take {wanted.workers}")
    if indicators:
        lines.append("")
        lines += [
            f"  {one.name:<10} {one.shown:<26} target {one.target}{'  -> ' + one.action if one.action else ''}"
            for one in indicators
        ]
    return joined(lines)


def _number(text: Any) -> float | None:
    """CPUs may be a part: a container can have half of one."""
    if text in (None, ""):
        return None
    try:
        found = float(text)
    except ValueError:
        raise WrongUsage(f"{text!r} is not a number of CPUs", todo="write it like 2 or 0.5") from None
    if not 0 < found <= 4096:
        raise WrongUsage(f"{text!r} is not a number of CPUs", todo="write it like 2 or 0.5")
    return found


def _percent(text: Any) -> float:
    if text in (None, ""):
        return 0.01
    try:
        found = float(str(text).rstrip("%")) / 100
    except ValueError:
        raise WrongUsage(f"{text!r} is not a share", todo="write it like 1%") from None
    if not 0 <= found <= 1:
        raise WrongUsage(f"{text!r} is not a share", todo="write it like 1%")
    return found
