"""All rules, each one file. The order is of no meaning: findings are ranked by their strength."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from watchdog.diagnosis.rules import (
    busy_loop,
    event_loop_blocked,
    external_wait,
    gil_held_native,
    host_starved,
    stopped,
    traced,
    uninterruptible,
)
from watchdog.diagnosis.view import View
from watchdog.model.finding import Finding

Rule = Callable[[View], Iterable[Finding]]

RULES: tuple[Rule, ...] = (
    busy_loop.rule,
    event_loop_blocked.rule,
    external_wait.rule,
    gil_held_native.rule,
    host_starved.rule,
    stopped.rule,
    traced.rule,
    uninterruptible.rule,
)
