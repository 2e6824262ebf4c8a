"""A lock of the application's own making that a thread takes again: who is blamed, and when nobody is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import canned
import pytest
from canned import APP, AT_REST, LIB, PID, REQUEST, Thread, evidence

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import OWN_LOCK, Evidence, LockLook, LockPoint, SystemCall, TaskLook
from watchdog.model.finding import Finding

MAIN = Thread("MainThread", AT_REST, call="poll", moves=True)
GATE = "/srv/shop/gate.py"
WAITS = replace(canned.upstream("127.0.0.1:5001", 601), served=True, received=80, sent=0, received_ago=30.0,
                sent_ago=30.0)  # fmt: skip


def at(name: str, line: int, tid: int, method: str = "reading") -> Thread:
    calls = (f"wait {LIB}/threading.py:327", f"{method} {GATE}:17", f"__enter__ {LIB}/contextlib.py:137",
             f"quantity {APP}:{line}", f"value {APP}:25", *REQUEST)  # fmt: skip
    return Thread(name, calls, call="futex", tid=tid)


def point(name: str, line: int, tid: int, lock: str = "gate") -> LockPoint:
    return replace(canned.point(name, lock, f"quantity {APP}:{line}", kind=OWN_LOCK, tid=tid), locked=None)


READER, WRITER = at("reader", 12, 11), at("writer", 16, 12, "writing")
WANTED = (point("writer", 16, 12), point("reader", 12, 11))
HELD = (point("reader", 22, 11),)


def seen(
    *threads: Thread, held: Sequence[LockPoint] = HELD, wanted: Sequence[LockPoint] = WANTED, health: str = "hung"
) -> Evidence:
    return evidence(MAIN, *threads, held=held, wanted=wanted, health=health, connections=[WAITS])


def first(found: Evidence) -> Finding:
    return diagnose(found).findings[0]


@pytest.mark.parametrize(("health", "advised"), [("hung", "restart"), ("well", "call-a-person")])
def test_the_reader_that_takes_the_lock_again_is_blamed_and_not_the_writer_that_waits(
    health: str, advised: str
) -> None:
    found = first(seen(READER, WRITER, health=health))
    assert (found.cause, found.certainty, found.advice) == ("lock-deadlock", "likely", advised)
    assert found.culprit is not None
    assert (found.culprit.line, found.culprit.thread) == (12, "reader")
    assert "takes again what it already holds" in found.summary and "1 more wait" in found.summary


def test_nobody_is_blamed_for_a_circle_while_somebody_who_has_the_lock_too_goes_on() -> None:
    works = Thread("works", (f"page {APP}:60", *REQUEST), state="R", tid=13)
    found = diagnose(seen(READER, WRITER, works, held=(*HELD, point("works", 60, 13))))
    assert found.verdict != "lock-deadlock"


def test_a_wait_that_ends_by_itself_is_not_a_circle() -> None:
    hung = seen(READER, WRITER)
    call = SystemCall(0, "futex", (1, 2, 3, 4096))
    looks = tuple(
        replace(look, threads=tuple(replace(one, call=call) if one.tid == 11 else one for one in look.threads))
        for look in hung.looks
    )
    assert diagnose(replace(hung, looks=looks)).verdict != "lock-deadlock"


@pytest.mark.parametrize(("later", "verdict"), [(12, "lock-deadlock"), (14, "healthy")], ids=["stays", "goes on"])
def test_a_thread_that_each_notice_wakes_is_blamed_only_if_it_waits_at_the_same_place_later(
    later: int, verdict: str
) -> None:
    hung = seen(replace(READER, moves=True), WRITER, health="well")
    looks = tuple(
        TaskLook(PID, when, "3.11", locks=LockLook(HELD, (point("reader", line, 11),)))
        for when, line in ((0.2, 12), (1.7, later))
    )
    assert diagnose(replace(hung, tasks=looks)).verdict == verdict


def test_who_waits_and_has_nothing_is_not_in_a_circle() -> None:
    assert diagnose(seen(READER, WRITER, held=())).verdict != "lock-deadlock"


def test_a_server_that_answers_everybody_has_no_such_circle() -> None:
    well = replace(seen(READER, WRITER, health="well"), connections=())
    assert diagnose(well).verdict == "healthy"


def test_two_threads_that_each_have_the_lock_and_want_more_of_it_wait_for_themselves() -> None:
    found = first(seen(READER, at("second", 14, 12), held=(*HELD, point("second", 22, 12)),
                       wanted=(point("reader", 12, 11), point("second", 14, 12))))  # fmt: skip
    assert found.cause == "lock-deadlock" and "1 more wait" in found.summary


def test_such_a_lock_and_a_plain_one_in_a_circle_are_told_with_both_names() -> None:
    plain = canned.point("reader", "plain", f"value {APP}:30", tid=11)
    held = (point("reader", 22, 11), canned.point("writer", "plain", f"receive {APP}:15", tid=12))
    reader = Thread("reader", (f"value {APP}:30", *REQUEST), call="futex", tid=11)
    found = first(seen(reader, WRITER, held=held, wanted=(plain, point("writer", 16, 12))))
    assert found.cause == "lock-deadlock"
    assert "'reader' wants plain, which 'writer' holds" in found.summary
