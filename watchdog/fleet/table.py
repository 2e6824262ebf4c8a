"""The table of a fleet: the worst first, columns that fit, and hosts with the same cause counted together. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from watchdog.fleet.lines import ORDER
from watchdog.fleet.records import Line
from watchdog.model.exits import Exit
from watchdog.text.shown import joined
from watchdog.text.units import counted

_MARKS = {Exit.CRITICAL: "✗", Exit.REFUSED: "✗", Exit.UNKNOWN: "?", Exit.WARNING: "!", Exit.FINE: "✓"}
_NAMED = 6  # hosts of a group that are named


def worst_first(lines: Sequence[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (ORDER.index(line.rank), line.state, line.host, line.what))


def groups(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """What several hosts have in common, the largest group first."""
    by_cause: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        if line.cause and line.host not in by_cause[line.cause]:
            by_cause[line.cause].append(line.host)
    found = [{"cause": cause, "count": len(hosts), "hosts": hosts} for cause, hosts in by_cause.items()]
    return sorted(found, key=lambda one: -int(str(one["count"])))


def text(lines: Sequence[Line], asked: int, also: dict[str, tuple[str, ...]], summary: str) -> str:
    """For a person."""
    rows = worst_first(lines)
    widths = [max(len(column) for column in columns) for columns in zip(*map(_columns, rows), strict=True)]
    told = []
    for line in rows:
        head = "  ".join(cell.ljust(width) for cell, width in zip(_columns(line), widths, strict=True))
        told.append(f"{_MARKS.get(line.rank, '–')} {head}  {of_host(line.text)}".rstrip())
    for one in groups(lines):
        if one["count"] > 1:
            told.append(f"{one['count']} of {counted(asked, 'host')}: {one['cause']} ({_some(one['hosts'])})")
    told += [f"{name} is the same host as {', '.join(others)}" for name, others in also.items()]
    return joined([*told, summary])


def of_host(text: str) -> str:
    """What a host says, for a person: a command in it is for that host, so it is not marked as one to type here."""
    return text.replace("`", "'")


def _columns(line: Line) -> tuple[str, str, str]:
    return line.host, line.state, line.what


def _some(hosts: Sequence[str]) -> str:
    more = f" and {len(hosts) - _NAMED} more" if len(hosts) > _NAMED else ""
    return ", ".join(hosts[:_NAMED]) + more
