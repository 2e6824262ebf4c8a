"""All hosts as the shared store knows them: the worst first, what they have in common, who is silent or late. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from watchdog.fleet import table
from watchdog.fleet.records import LOST, Line
from watchdog.model.exits import Exit, exit_of
from watchdog.model.records import record
from watchdog.text.units import format_duration

SILENT = 120.0  # seconds; a loop says that it is there each 30
Row = Mapping[str, Any]


@record(frozen=True)
class HostView:
    """One host, and a line for each service and for the last run on it."""

    name: str
    rank: Exit
    state: str
    heard: float | None  # seconds since its loop was heard; None for a host without one
    lines: tuple[Line, ...]


@record(frozen=True)
class Overview:
    """What the page shows."""

    hosts: tuple[HostView, ...]
    groups: tuple[Mapping[str, Any], ...]  # causes of several hosts

    @property
    def troubled(self) -> int:
        return sum(host.rank in (Exit.CRITICAL, Exit.REFUSED) for host in self.hosts) - self.silent

    @property
    def silent(self) -> int:
        return sum(host.state == "silent" for host in self.hosts)


def overview(loops: Sequence[Row], runs: Sequence[Row], incidents: Sequence[Row]) -> Overview:
    """`runs` and `incidents` with the newest first."""
    names = _names(runs, incidents)
    lines = [*_of_loops(loops, names), *_of_runs(runs)]
    lines += _of_incidents(incidents, names, {line.host for line in lines})
    heard = {names.get(row["node"], row["node"]): row["seconds"] for row in loops}
    by_host: dict[str, list[Line]] = {}
    for line in table.worst_first(lines):
        by_host.setdefault(line.host, []).append(line)
    hosts = tuple(_host(name, found, heard.get(name)) for name, found in by_host.items())
    causes = [Line(_name(row, names), "", Exit.FINE, "", "", _cause(row)) for row in incidents]
    groups = tuple(one for one in table.groups(causes) if one["count"] > 1)
    return Overview(hosts, groups)


def _names(runs: Iterable[Row], incidents: Iterable[Row]) -> dict[str, str]:
    """The name of a machine in the inventory, where a controller has told it; the newest word counts."""
    found: dict[str, str] = {}
    for row in (*runs, *incidents):
        if row["node"] and row["host"]:
            found.setdefault(row["node"], row["host"])
    return found


def _name(row: Row, names: Mapping[str, str]) -> str:
    return str(row["host"] or names.get(row["node"], row["node"]))


def _cause(row: Row) -> str:
    """With its place, as the same trouble has it on every host."""
    return str(row["record"].get("signature") or row["cause"])


def _of_loops(loops: Iterable[Row], names: Mapping[str, str]) -> Iterator[Line]:
    for row in loops:
        name = names.get(row["node"], row["node"])
        if row["seconds"] > SILENT:
            yield Line(name, "silent", _rank("silent"), "loop", f"not heard for {format_duration(row['seconds'])}")
        for one in row["services"]:
            state = "given up" if one["given_up"] else str(one["state"])
            text = str(one["given_up"] or one["message"])
            if row["seconds"] > SILENT:
                state, text = "unknown", f"was {state}: {text}"
            yield Line(name, state, _rank(state), str(one["service"]), text)


def _of_runs(runs: Iterable[Row]) -> Iterator[Line]:
    """The last run on each host, where it went wrong, goes on, or came late."""
    seen = set()
    for row in runs:
        if row["host"] in seen or row["stage"] == "waiting":
            continue
        seen.add(row["host"])
        stage, late = str(row["stage"]), bool(row["late"])
        if stage in (*LOST, "begun") or late:
            words = filter(None, ("late" if late else "", str(row["text"])))
            yield Line(row["host"], stage, _rank(stage), f"run {row['run']}", ": ".join(words))


def _of_incidents(incidents: Iterable[Row], names: Mapping[str, str], known: set[str]) -> Iterator[Line]:
    """The newest incident of each host of which nothing else is known."""
    seen = set(known)
    for row in incidents:
        name = _name(row, names)
        if name in seen:
            continue
        seen.add(name)
        outcome = str(row["outcome"])
        yield Line(name, outcome, _rank(outcome), str(row["service"] or row["runbook"]), str(row["cause"]))


def _rank(word: str) -> Exit:
    """Another version of wd may have words that this one does not know."""
    try:
        return Exit.CRITICAL if word == "given up" else exit_of(word)
    except KeyError:
        return Exit.UNKNOWN


def _host(name: str, lines: Sequence[Line], seconds: float | None) -> HostView:
    worst = lines[0]
    return HostView(name, worst.rank, worst.state, seconds, tuple(lines))
