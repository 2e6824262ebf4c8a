"""`when=`: what holds, what does not, and what is told for a condition that is none."""

from __future__ import annotations

from typing import Any

import pytest

from watchdog.runbook import condition

RESULTS: dict[str, dict[str, Any]] = {
    "why": {"advice": "restart", "findings": [{"cause": "busy-loop", "culprit": {"line": 30}}, {"cause": "slow"}]},
    "check": {"checks": [{"name": "a", "state": "ok"}, {"name": "b", "state": "critical"}]},
    "kill": {"outcome": "done", "survivors": [], "force": False, "seconds": 2},
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("why.advice == restart", True),
        ("why.advice==restart", True),
        ("why.advice != restart", False),
        ("why.advice == 'restart'", True),
        ("why.cause == busy-loop", True),
        ("why.cause in (lock-deadlock, busy-loop)", True),
        ("why.cause in (lock-deadlock)", False),
        ("why.cause not in (healthy, healthy-busy)", True),
        ("why.findings.1.cause == slow", True),
        ("why.findings.0.culprit.line == 30", True),
        ("check.state == critical", True),
        ("kill.outcome == done and why.advice == restart", True),
        ("kill.outcome == done and why.advice == wait", False),
        ("kill.force == false", True),
        ("kill.seconds == 2", True),
        ("verify.outcome != done", True),  # it did not run
        ("verify.outcome == done", False),
        ("why.nothing == ''", True),
        ("why.findings == x", False),
    ],
)
def test_a_condition_holds_or_it_does_not(text: str, holds: bool) -> None:
    assert condition.holds(text, RESULTS) is holds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "why",
        "why.advice",
        "why.advice = restart",
        "why.advice in restart",
        "why.advice == (a, b)",
        "why.n > 3",
        "a.b == c or d.e == f",
        "a.b == c d",
        "a.b == c and",
        "__import__('os')",
        "a." + "b" * 2000 + " == c",
    ],
)
def test_what_is_no_condition_is_told_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"a condition is like: why\.advice == restart"):
        condition.read(text)
