"""Answers of half a second: slower and slower, or slow by design?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import APP, IN_LOOP, PID, Thread, evidence

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Answer, Container, TaskLook

BUS = """
def page():
    LISTENERS.append(draw)


def tell(moment):
    for one in LISTENERS:
        one(moment)
"""
CALLS = (f"draw {APP}:40", f"tell {APP}:8", *IN_LOOP)
KEPT = Container("app.LISTENERS", "LISTENERS", APP, "list", 2600, 40_000, 1)


def verdict(source: str, entries: int = 2600) -> str:
    busy = Thread("MainThread", CALLS, state="R", gil=True)
    answers = tuple(Answer(at, "http://127.0.0.1:8000/health", "ok", 0.7, 200) for at in (0.1, 0.9, 1.7, 2.5))
    look = TaskLook(PID, 0.5, "3.11", containers=(replace(KEPT, length=entries),))
    return diagnose(replace(evidence(busy, health="well", source=source), answers=answers, tasks=(look,))).verdict


def test_a_function_that_goes_over_what_each_page_adds_to_makes_answers_slower() -> None:
    assert verdict(BUS) == "slow-degradation"


@pytest.mark.parametrize(
    "more",
    [
        "\n\nfor _ in range(2600):\n    page()\n",
        "\n\ndef leave(one):\n    LISTENERS.remove(one)\n",
        "\n\nLISTENERS = collections.deque(maxlen=5000)\n",
        "\n\ndef sweep():\n    global LISTENERS\n    LISTENERS = [one for one in LISTENERS if one.lives]\n",
    ],
    ids=["filled at the start", "emptied by a call", "bounded", "made anew from a part"],
)
def test_what_is_filled_at_the_start_or_does_not_only_grow_is_slow_by_design(more: str) -> None:
    assert verdict(BUS + more) in ("healthy", "healthy-busy")


def test_a_short_list_does_not_make_answers_slow() -> None:
    assert verdict(BUS, entries=40) in ("healthy", "healthy-busy")
