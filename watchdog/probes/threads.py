"""Threads of the whole tree."""

from __future__ import annotations

from watchdog.model.kinds import Key
from watchdog.model.playbook import ProbeSpec
from watchdog.model.probing import Sample
from watchdog.probes.asked import Asked
from watchdog.probes.kind import ProbeKind


def probe(asked: Asked) -> Sample:
    members = asked.members()
    if not members:
        return asked.unknown("no process of it runs")
    count, most = sum(one.threads for one in members), int(asked.spec.subject)
    if count > most:
        return asked.answer("failed", f"{count} threads, more than {most}", count)
    return asked.answer("ok", f"{count} threads", count)


def _limit(spec: ProbeSpec, root: int | None) -> float | None:
    return float(spec.subject)


KIND = ProbeKind(
    Key("threads", "whole", "this number is too many", low=1, high=1_000_000),
    "Threads of the whole tree.",
    probe,
    needs_tree=True,
    measure=True,
    limit=_limit,
)
