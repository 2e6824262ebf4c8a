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
PACKS = (f"pack {APP}:20", f"packer {APP}:4", *STARTED)


def shop(*others: Thread, source: str = SOURCE, asleep: float = 20.0) -> Evidence:
    """A program without a port whose main thread waits for a place in its queue."""
    line = source.splitlines().index("    backlog.put(order)") + 1
    calls = (f"wait {LIB}/threading.py:320", f"put {LIB}/queue.py:140", f"main {APP}:{line}")
    main = Thread("MainThread", calls, call="futex", asleep=asleep)
    seen = evidence(main, *others, health="none", configured=Configured())
    return replace(seen, listeners=(), seconds=20.0, sources=(source_file(source),))


def test_a_full_queue_that_no_thread_takes_from_any_more_is_named_at_the_line_that_waits() -> None:
    found = diagnose(shop())
    first = found.findings[0]
    assert (found.verdict, first.certainty, first.culprit and first.culprit.line) == ("await-never", "likely", 7)
    assert "no thread is left that takes from it" in first.summary


BEHIND = """
def next_order():
    return backlog.get()

def packer():
    while True:
        pack(next_order())

def main():
    backlog.put(order)
"""
AT_MODULE = """
def drain():
    backlog.get_nowait()

def main():
    backlog.put(order)

while True:
    pack(backlog.get())
"""
OTHER_NAME = """
def drain():
    backlog.get_nowait()

def main():
    backlog.put(order)

def packer(jobs):
    while True:
        pack(jobs.get(True, 5))
"""
MAPPING = """
def find(number):
    return backlog.get(number)

def main():
    backlog.put(order)
"""


def at_work(*calls: str) -> Thread:
    return Thread("packer", (f"pack {APP}:90", *calls), call="clock_nanosleep", asleep=20.0, tid=11)


@pytest.mark.parametrize(
    "seen",
    [
        shop(at_work(f"packer {APP}:7", *STARTED), source=BEHIND),
        shop(at_work(f"<module> {APP}:9"), source=AT_MODULE),
        shop(at_work(f"packer {APP}:10", *STARTED), source=OTHER_NAME),
        shop(source=MAPPING),
        shop(Thread("packer", PACKS, call="clock_nanosleep", asleep=1.0, tid=11)),
        shop(source=SOURCE.replace("backlog.get()", "jobs.get()")),
        shop(source=SOURCE.replace("pack(backlog.get())", "pass")),
        shop(asleep=2.0),
        replace(shop(), gaps=(Gap("stacks of 100", "py-spy gave no answer in 0.3 s"),)),
    ],
    ids=[
        "the call that takes is over",
        "the module takes",
        "it takes under another name",
        "it is not a queue",
        "the consumer works",
        "the queue has another name there",
        "no consumer is known",
        "soon",
        "not all was read",
    ],
)
def test_a_producer_that_may_still_go_on_is_not_blamed(seen: Evidence) -> None:
    assert diagnose(seen).verdict != "await-never"
