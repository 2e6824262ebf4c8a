"""A producer before a full queue: what tells back pressure from a consumer that is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import APP, LIB, STARTED, Thread, evidence, source_file

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Configured, Evidence, Gap

SOURCE = """
def packer():
    while True:
        pack(backlog.get())

def main():
    backlog.put(order)
"""
PUTS = (f"wait {LIB}/threading.py:320", f"put {LIB}/queue.py:140", f"main {APP}:7", f"<module> {APP}:9")
PACKS = (f"pack {APP}:20", f"packer {APP}:4", *STARTED)


def shop(*others: Thread, source: str = SOURCE, asleep: float = 20.0) -> Evidence:
    """A program without a port whose main thread waits for a place in its queue."""
    main = Thread("MainThread", PUTS, call="futex", asleep=asleep)
    seen = evidence(main, *others, health="none", configured=Configured())
    return replace(seen, listeners=(), seconds=20.0, sources=(source_file(source),))


def test_a_full_queue_that_no_thread_takes_from_any_more_is_named_at_the_line_that_waits() -> None:
    found = diagnose(shop())
    first = found.findings[0]
    assert (found.verdict, first.certainty, first.culprit and first.culprit.line) == ("await-never", "likely", 7)
    assert "no thread is left that takes from it" in first.summary


@pytest.mark.parametrize(
    "seen",
    [
        shop(Thread("packer", PACKS, call="clock_nanosleep", asleep=1.0, tid=11)),
        shop(source=SOURCE.replace("backlog.get()", "jobs.get()")),
        shop(source=SOURCE.replace("pack(backlog.get())", "pass")),
        shop(asleep=2.0),
        replace(shop(), gaps=(Gap("stacks of 100", "py-spy gave no answer in 0.3 s"),)),
    ],
    ids=["the consumer works", "the queue has another name there", "no consumer is known", "soon", "not all was read"],
)
def test_a_producer_that_may_still_go_on_is_not_blamed(seen: Evidence) -> None:
    assert diagnose(seen).verdict != "await-never"
