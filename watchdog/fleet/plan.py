"""Batches and the budget of a run on many hosts. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from watchdog.fleet.records import LOST, Host, HostRun, Plan
from watchdog.model.errors import WrongUsage
from watchdog.text.units import counted, format_duration

_SIZE = re.compile(r"(\d{1,6})(%?)", re.ASCII)
_NAMED = 8  # hosts of a batch that are named


def batches(hosts: Sequence[str], sizes: str) -> tuple[tuple[str, ...], ...]:
    """`1,5,10%`: one host, then five, then a tenth of all at a time until none is left."""
    left, found = list(hosts), list[tuple[str, ...]]()
    wanted = [_size(part.strip(), len(hosts)) for part in sizes.split(",")]
    while left:
        size = wanted[min(len(found), len(wanted) - 1)]
        found.append(tuple(left[:size]))
        del left[:size]
    return tuple(found)


def _size(text: str, hosts: int) -> int:
    found = _SIZE.fullmatch(text)
    if not found or int(found[1]) == 0 or (found[2] and int(found[1]) > 100):
        raise WrongUsage(f"--batch: {text!r} is not a number of hosts", todo="Write it like 1,5,10% (1 to 100%).")
    return math.ceil(hosts * int(found[1]) / 100) if found[2] else int(found[1])


def lost(runs: Iterable[HostRun]) -> list[HostRun]:
    """What the budget counts, over the whole run."""
    return [run for run in runs if run.stage in LOST and not run.same_as]


def is_spent(plan: Plan, runs: Iterable[HostRun]) -> bool:
    """From now on no further host is begun."""
    return len(lost(runs)) > plan.max_failed


def in_words(plan: Plan, hosts: Mapping[str, Host]) -> list[str]:
    """The plan as it is printed before the first host is begun."""
    lines = [f"plan of {plan.runbook} on {counted(len(plan.hosts), 'host')}, run {plan.id}:"]
    for number, batch in enumerate(plan.batches, 1):
        more = f" and {len(batch) - _NAMED} more" if len(batch) > _NAMED else ""
        lines.append(f"  {number}. {counted(len(batch), 'host')}: {', '.join(batch[:_NAMED])}{more}")
    lines.append(f"  on each: wd {' '.join(plan.words)}  [at most {format_duration(plan.deadline)}]")
    lines.append(f"  at most {counted(plan.at_once, 'host')} at a time")
    if plan.limit_of_all:
        lines.append(f"  at most {counted(plan.limit_of_all, 'host')} at a time over all controllers")
    allowed = f"more than {counted(plan.max_failed, 'host')}" if plan.max_failed else "a host"
    lines.append(f"  no further host is begun once {allowed} failed, could not be reached or is silent")
    lines += [f"  after each batch: {proof}" for proof in plan.proofs]
    for host in hosts.values():
        if host.trouble:
            lines.append(f"  {host.name} cannot be reached: {host.trouble}")
        if host.also:
            lines.append(f"  {host.name} is the same host as {', '.join(host.also)}")
    return lines
