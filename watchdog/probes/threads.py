"""Threads of the whole tree."""

from __future__ import annotations

from watchdog.model.probing import Sample
from watchdog.probes.asked import Asked


def probe(asked: Asked) -> Sample:
    members = asked.members()
    if not members:
        return asked.unknown("no process of it runs")
    count, most = sum(one.threads for one in members), int(asked.spec.subject)
    if count > most:
        return asked.answer("failed", f"{count} threads, more than {most}", count)
    return asked.answer("ok", f"{count} threads", count)
