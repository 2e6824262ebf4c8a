"""All rules, each one file. The order is of no meaning: findings are ranked by their strength."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from watchdog.diagnosis.rules import stopped, traced, uninterruptible
from watchdog.diagnosis.view import View
from watchdog.model.finding import Finding

Rule = Callable[[View], Iterable[Finding]]

RULES: tuple[Rule, ...] = (
    stopped.rule,
    traced.rule,
    uninterruptible.rule,
)
