"""Hundreds of threads that do nothing: a leak goes on with the requests, a pool was started in one go."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import APP, AT_REST, LIB, SITE, STARTED, Thread, evidence, source_file

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Evidence

MAIN = Thread("MainThread", AT_REST, call="poll", moves=True)


def hundreds(*, each: float, last: float, at: str, health: str = "well") -> Evidence:
    """150 threads at this line, started one after the other in so many seconds; the last of them so long ago."""
    calls = (f"wait {LIB}/threading.py:327", at, *STARTED)
    ages = (last + each * number for number in range(150))
    waiting = [Thread(f"Thread-{number}", calls, call="futex", age=age) for number, age in enumerate(ages)]
    return evidence(MAIN, *waiting, health=health)


def test_hundreds_of_threads_at_one_line_are_a_thread_leak() -> None:
    seen = hundreds(each=2.0, last=1.0, at=f"watch {APP}:13")
    found = diagnose(seen)
    assert found.verdict == "thread-leak"
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.line == 13
    assert "the last 1s ago" in found.findings[0].details[0]


@pytest.mark.parametrize("at", [f"watch {APP}:13", f"handler_thread {SITE}/waitress/task.py:79"])
def test_hundreds_of_threads_that_were_started_in_one_go_are_a_pool(at: str) -> None:
    assert diagnose(hundreds(each=0.001, last=60.0, at=at)).verdict == "healthy"
    found = diagnose(hundreds(each=0.001, last=60.0, at=at, health="hung"))
    assert "thread-leak" in [one.cause for one in found.findings]


STARTS = {
    "the module": "for number in range(150):\n    Thread(target=watch).start()\n",
    "a function of the start": "def begin():\n    Thread(target=watch).start()\n\nbegin()\n",
    "an object of the start": "class Pool:\n    def __init__(self):\n        Thread(target=watch).start()\n\nPool()\n",
    "a request": "@app.get('/subscribe')\ndef subscribe():\n    Thread(target=watch).start()\n",
}


@pytest.mark.parametrize("starter", STARTS)
def test_threads_that_a_burst_of_requests_may_have_started_are_not_taken_for_a_pool(starter: str) -> None:
    seen = hundreds(each=0.001, last=60.0, at=f"watch {APP}:13")
    found = diagnose(replace(seen, sources=(source_file(STARTS[starter]),)))
    assert found.verdict == ("thread-leak" if starter == "a request" else "healthy")


def test_threads_that_only_the_start_makes_are_a_pool_however_slowly_it_made_them() -> None:
    seen = hundreds(each=2.0, last=60.0, at=f"watch {APP}:13")
    assert diagnose(replace(seen, sources=(source_file(STARTS["the module"]),))).verdict == "healthy"
    assert diagnose(hundreds(each=2.0, last=60.0, at=f"handler_thread {SITE}/waitress/task.py:79")).verdict == "healthy"


@pytest.mark.parametrize(
    ("each", "last"),
    [(0.001, 0.01), (0.1, 3600.0), (2.0, 3600.0)],
    ids=["they are just being started", "one a request, in a burst", "one now and then, long ago"],
)
def test_threads_that_were_started_one_by_one_may_be_a_leak(each: float, last: float) -> None:
    found = diagnose(hundreds(each=each, last=last, at=f"watch {APP}:13"))
    assert (found.verdict, found.findings[0].certainty) == ("thread-leak", "guess")


def test_threads_whose_age_is_not_told_may_be_a_leak() -> None:
    seen = hundreds(each=0.0, last=60.0, at=f"watch {APP}:13")
    untold = [replace(look, threads=tuple(replace(one, age=None) for one in look.threads)) for look in seen.looks]
    assert diagnose(replace(seen, looks=tuple(untold))).verdict == "thread-leak"
