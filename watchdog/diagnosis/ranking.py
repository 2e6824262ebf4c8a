"""Which finding comes first, and how serious each is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from watchdog.diagnosis.view import View
from watchdog.model.finding import HEALTHY, Advice, Finding
from watchdog.text.units import format_duration

# Faults of a piece of work that does not go on. Where our questions are answered all the same, they are as serious as
# the requests that wait for them.
_OF_WORK = frozenset({
    "busy-loop", "gil-held-native", "lock-deadlock", "lock-convoy", "event-loop-blocked", "await-never",
    "external-wait", "pool-exhausted", "child-pipe-full", "child-wait", "stdio-ipc-deadlock", "db-locked",
    "import-lock", "fork-lock",
})  # fmt: skip
# Of these the ones that never go on, whoever waits.
_FOR_EVER = frozenset({"lock-deadlock", "fork-lock", "import-lock", "child-pipe-full"})
_MANY = 2  # requests


def tempered(view: View, findings: Iterable[Finding]) -> Iterator[Finding]:
    """What holds nobody up is no fault; what holds up some requests while others are answered is a warning."""
    for one in findings:
        if one.cause not in _OF_WORK or not view.answered or view.in_trouble:
            yield one
        elif view.waiting and not (one.cause == "child-wait" and len(view.waiting) < _MANY):
            yield replace(one, warns=True, advice=_milder(one), summary=f"{_held_up(view)}: {one.summary}")
        elif one.cause in _FOR_EVER:
            yield replace(one, warns=True, advice=_milder(one), summary=f"it answers all the same: {one.summary}")
        elif one.cause == "lock-convoy" and view.slow:
            yield one


def _milder(finding: Finding) -> Advice:
    return "restart-worker" if finding.advice == "restart-worker" else "wait"


def _held_up(view: View) -> str:
    count = len(view.waiting)
    longest = max(one.received_ago or 0.0 for one in view.waiting)
    many = f"{count} requests wait" if count > 1 else "1 request waits"
    return f"it answers, but {many} for {format_duration(longest)} without a byte of an answer"


def rank(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Strongest first. What cannot be told and what is said of a healthy server stand only where there is no fault."""
    found = list(findings)
    told = [one for one in found if one.cause != "unknown" and one.cause not in HEALTHY]
    told = told or [one for one in found if one.cause in HEALTHY] or found
    return tuple(sorted(told, key=lambda one: -one.confidence))
