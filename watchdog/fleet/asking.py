"""`wd fleet ps|why|status|tick`: the same command on every host, side by side, as one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from watchdog.fleet import inventory, reach, table
from watchdog.fleet.carry import Parcels
from watchdog.fleet.lines import ORDER, exit_of_host, lines_of, worst
from watchdog.fleet.records import Host, Line, Reply
from watchdog.fleet.side_by_side import side_by_side
from watchdog.model.exits import Exit
from watchdog.model.release import VERSION
from watchdog.steps.spec import Context, StepOutcome, StepResult
from watchdog.system.host import arrival
from watchdog.text.units import counted, format_duration

_CLEAN = 60.0  # seconds
_START = 15.0  # seconds for the first program there, and for wd to start on a machine that is busy
_WITHIN = {"ps": 30.0, "status": 30.0, "why": 20.0, "tick": 120.0}
_OUTCOMES: dict[Exit, StepOutcome] = {Exit.UNKNOWN: "unknown", Exit.NOTHING: "nothing", Exit.REFUSED: "refused"}


def ps(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Every Python server of every host."""
    return _ask_all("ps", _flags(options, "hung", "all"), context, options)


def why(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Why servers hang; without a selector, all that hang."""
    words = [*selected(context), *_flags(options, "regex")]
    within = f"{options.get('within') or _WITHIN['why']:g}s"
    found = _ask_all("why", [*(words or ["--hung"]), "--within", within], context, options)
    if not words and found.exit is Exit.NOTHING:  # no server hangs, on no host
        return replace(found, outcome="ok", exit=Exit.FINE)
    return found


def status(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Every service of every host's home."""
    return _ask_all("status", selected(context), context, options)


def tick(context: Context, options: Mapping[str, Any]) -> StepResult:
    """One round of the loop on every host."""
    return _ask_all("tick", selected(context), context, options)


def clean(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Take away what wd has left on the hosts: copies of itself, and the files of runs that have ended."""
    hosts = inventory.hosts(options.get("inventory") or (), options.get("limit"))
    parcels = Parcels()
    replies = list(side_by_side(lambda host: reach.clean(host, VERSION, parcels, _CLEAN), hosts, options["at_once"]))
    done = [reply for reply in replies if reply.code == arrival.MISSING and reply.arrived]
    lines = [
        Line(reply.host.name, "clean", Exit.FINE, "-", "")
        if reply in done
        else Line(reply.host.name, reply.reached, Exit.CRITICAL, "-", reply.reason)
        for reply in replies
    ]
    message = f"{len(done)} of {counted(len(replies), 'host')} cleaned"
    rows = tuple({"host": line.host, "state": line.state, "reason": line.text} for line in table.worst_first(lines))
    fine = len(done) == len(replies)
    text = table.text(lines, len(replies), {}, message)
    return StepResult("ok" if fine else "failed", message, {"cleaned": len(done)}, rows, text=text)


def selected(context: Context) -> list[str]:
    """The selector again as the words of a command."""
    chosen, words = context.selector, list[str]()
    for option, value in (("--service", chosen.service), ("--port", chosen.port), ("--pid", chosen.pid)):
        words += [option, str(value)] if value is not None else []
    if chosen.cmdline:
        import shlex

        words += ["--cmdline", chosen.cmdline[0] if chosen.regex else shlex.join(chosen.cmdline)]
    return [*words, *(["--hung"] if chosen.hung else [])]


def _flags(options: Mapping[str, Any], *names: str) -> list[str]:
    return [f"--{name}" for name in names if options.get(name)]


def _ask_all(command: str, words: Sequence[str], context: Context, options: Mapping[str, Any]) -> StepResult:
    hosts = inventory.hosts(options.get("inventory") or (), options.get("limit"))
    within = float(options.get("within") or _WITHIN[command]) + _START
    context.say(f"asking {counted(len(hosts), 'host')} …")
    parcels = Parcels()
    replies = _same_machine_once(
        side_by_side(
            lambda host: reach.ask(host, [command, *words], VERSION, parcels, within), hosts, int(options["at_once"])
        ),
        hosts,
    )
    return _told(command, replies)


def _same_machine_once(replies: Any, hosts: Sequence[Host]) -> list[Reply]:
    """In the inventory's order. Two names whose machine and account turn out to be the same are one host."""
    by_name = {reply.host.name: reply for reply in replies}
    found: dict[str, Reply] = {}
    for reply in (by_name[host.name] for host in hosts):
        key = str(reply.arrived.get("identity") or reply.host.name)
        first = found.get(key)
        if first is None or reply.host.home != first.host.home:
            found[key if first is None else reply.host.name] = reply
            continue
        also = (*first.host.also, reply.host.name, *reply.host.also)
        found[key] = replace(first, host=replace(first.host, also=also))
    return list(found.values())


def _told(command: str, replies: Sequence[Reply]) -> StepResult:
    by_host = [(reply, lines_of(command, reply)) for reply in replies]
    lines: list[Line] = [line for _, told in by_host for line in told]
    code = worst(exit_of_host(reply) for reply in replies)
    answered = sum(reply.reached == "answered" for reply in replies)
    slowest = max(reply.seconds for reply in replies)
    summary = f"{answered} of {counted(len(replies), 'host')} answered, the slowest in {format_duration(slowest)}"
    also = {reply.host.name: reply.host.also for reply in replies if reply.host.also}
    data = {"hosts": len(replies), "answered": answered, "worst": code.name.lower(), "groups": table.groups(lines)}
    ranked = sorted(((worst(line.rank for line in told), reply) for reply, told in by_host), key=_by_rank)
    rows = tuple(_record(reply, rank) for rank, reply in ranked)
    return StepResult(
        _OUTCOMES.get(code, "ok"),
        summary,
        data,
        rows=rows,
        exit=code,
        text=table.text(lines, len(replies), also, summary),
    )


def _by_rank(one: tuple[Exit, Reply]) -> int:
    return ORDER.index(one[0])


def _record(reply: Reply, code: Exit) -> dict[str, Any]:
    return {
        "host": reply.host.name,
        "also": list(reply.host.also),
        "address": reply.host.address,
        "reached": reply.reached,
        "reason": reply.reason if reply.reached != "answered" else "",
        "state": code.name.lower(),
        "exit": reply.code if reply.reached == "answered" else None,
        "seconds": round(reply.seconds, 3),
        "rows": list(reply.rows),
        "result": dict(reply.result) or None,
    }
