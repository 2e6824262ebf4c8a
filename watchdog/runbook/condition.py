"""`when=`: a condition over what earlier steps came to, small enough to be read at three in the morning.

    why.advice == restart
    why.cause in (lock-deadlock, busy-loop) and kill.outcome != done

A comparison names a field of an earlier step's result. What a step did not say, or a step that did not run, is the
empty text. Several comparisons are joined by `and`; there is nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from watchdog.model.records import record

_COMPARISON = re.compile(
    r"\s*([a-z][a-z0-9-]*)\.([A-Za-z0-9_.-]+?)\s*(==|!=|\s+not\s+in\b|\s+in\b)\s*(\([^()]*\)|\"[^\"]*\"|'[^']*'|[^\s()]+)\s*"
)
_AND = re.compile(r"\s+and\s+")
_WORST = ("critical", "unknown", "warning", "ok")


@record(frozen=True)
class Comparison:
    """`step.field` against one word (==, !=) or several (in, not in)."""

    step: str
    field: str
    operator: Literal["==", "!=", "in", "not in"]
    words: tuple[str, ...]


def read(text: str) -> tuple[Comparison, ...]:
    """The comparisons, all of which must hold. ValueError says what would be right."""
    right = "a condition is like: why.advice == restart, why.cause in (a, b), verify.outcome != done; joined by `and`"
    found = []
    for part in _AND.split(text):
        match = _COMPARISON.fullmatch(part) if len(part) <= 1000 else None
        if not match:
            raise ValueError(right)
        operator: Any = " ".join(match[3].split())
        many = match[4].startswith("(")
        if many != (operator in ("in", "not in")):
            raise ValueError(right)
        words = match[4][1:-1].split(",") if many else [match[4]]
        found.append(Comparison(match[1], match[2], operator, tuple(word.strip().strip("\"'") for word in words)))
    return tuple(found)


def holds(text: str, results: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether all comparisons hold, given the data of the steps so far. ValueError for a condition that is none."""
    return all(_compare(one, _value(results.get(one.step, {}), one.field)) for one in read(text))


def _compare(comparison: Comparison, value: str) -> bool:
    among = value in comparison.words
    return among if comparison.operator in ("==", "in") else not among


def _value(data: Mapping[str, Any], name: str) -> str:
    """A field of a result as text; `cause` is the first finding's, `state` the worst of several checks'."""
    here: Any = data
    for part in name.split("."):
        if isinstance(here, Mapping) and part in here:
            here = here[part]
        elif isinstance(here, list | tuple) and part.isdecimal() and int(part) < len(here):
            here = here[int(part)]
        else:
            here = _derived(data, name)
            break
    if isinstance(here, bool):
        return "true" if here else "false"
    return str(here) if isinstance(here, str | int | float) else ""


def _derived(data: Mapping[str, Any], name: str) -> str:
    if name == "cause":
        findings = data.get("findings") or [{}]
        return str(findings[0].get("cause", ""))
    if name == "state":
        states = {str(check.get("state")) for check in data.get("checks") or ()}
        return next((state for state in _WORST if state in states), "")
    return ""
