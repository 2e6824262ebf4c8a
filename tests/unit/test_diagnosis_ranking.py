"""Which finding is the verdict, how certain it is, and what it may advise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import LIB, SERVES, Thread, evidence

from watchdog.diagnosis.ranking import ROOTS, graded, rank
from watchdog.diagnosis.view import View
from watchdog.model.causes import CAUSES, HEALTHY
from watchdog.model.finding import CHANCES, Certainty, Finding

MAIN = Thread("MainThread", (f"select {LIB}/selectors.py:415", *SERVES), call="poll")
HUNG, WELL, PENDING = (View(evidence(MAIN, health=health)) for health in ("hung", "well", "pending"))


def finding(cause: str, certainty: Certainty = "likely", waits_for: str = "", lasted: float | None = None) -> Finding:
    return Finding(cause, certainty, cause, waits_for=waits_for, lasted=lasted)


def order(*found: Finding, view: View = HUNG) -> list[str]:
    return [one.cause for one in rank(view, found)]


@pytest.mark.parametrize(
    ("victim", "waits_for", "root"),
    [
        ("event-loop-blocked", "database", "db-locked"),
        ("pool-exhausted", "socket", "external-wait"),
        ("pool-exhausted", "running", "busy-loop"),
        ("lock-convoy", "holder", "child-wait"),
        ("lock-deadlock", "lost", "fork-lock"),
        ("external-wait", "loop", "event-loop-blocked"),
        ("child-wait", "child", "child-pipe-full"),
    ],
)
def test_what_explains_a_wait_comes_before_it_in_whatever_order_they_were_found(
    victim: str, waits_for: str, root: str
) -> None:
    pair = (finding(victim, "certain", waits_for), finding(root))
    assert order(*pair) == order(*pair[::-1]) == [root, victim]


def test_a_guess_explains_nothing_and_comes_last() -> None:
    assert order(finding("db-locked", "guess"), finding("event-loop-blocked", waits_for="database")) == [
        "event-loop-blocked",
        "db-locked",
    ]


def test_what_may_still_be_work_comes_after_what_has_lasted() -> None:
    early = replace(finding("lock-deadlock", "certain"), lasted=0.5)
    late = replace(finding("child-wait"), lasted=60.0)
    assert order(early, late, view=PENDING) == ["child-wait", "lock-deadlock"]
    assert [one.certainty for one in graded(PENDING, (early, late))] == ["likely", "likely"]


def test_healthy_never_stands_beside_a_fault() -> None:
    assert order(finding("healthy"), finding("memory-step"), view=WELL) == ["memory-step"]
    assert order(finding("healthy"), finding("unknown"), view=WELL) == ["healthy"]


@pytest.mark.parametrize(("view", "advice"), [(HUNG, "restart"), (WELL, "wait")])
def test_a_guess_ends_nothing_while_questions_are_answered(view: View, advice: str) -> None:
    assert [one.advice for one in graded(view, [finding("memory-leak", "guess")])] == [advice]
    assert [one.advice for one in graded(view, [finding("memory-leak", "certain")])] == ["restart"]


def test_every_root_is_a_cause_and_a_fault() -> None:
    assert all(root in CAUSES and root not in HEALTHY for roots in ROOTS.values() for root in roots)


def test_the_chance_that_is_printed_is_the_one_of_its_word() -> None:
    record = finding("crash-loop", "certain").record()
    assert (record["certainty"], record["confidence"]) == ("certain", CHANCES["certain"])
    assert CHANCES["certain"] >= CHANCES["likely"] > CHANCES["guess"]
