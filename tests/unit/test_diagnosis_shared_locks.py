"""Locks between processes: what a fork shares it does not copy, and a holder that was killed gives nothing back."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import APP, PID, REQUEST, Thread, evidence, process

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Evidence, LockPoint, SystemCall, TaskLook

HERE = f"add {APP}:12"
WORKERS = (200, 300)
NAME = "00:1b:77+0"


def wanted(pid: int) -> LockPoint:
    found = canned.point("MainThread", NAME, HERE, kind="multiprocessing.Lock", tid=pid)
    return replace(found, pid=pid, expression="self.lock", shared=True)


def server(*, taken_by: int = 0, unread: int = 0, moves: bool = False, held: LockPoint | None = None) -> Evidence:
    """Two forked workers wait for one lock; the master waits for them."""
    workers = [Thread("MainThread", (HERE, *REQUEST), call="futex", pid=pid, tid=pid, moves=moves) for pid in WORKERS]
    seen = evidence(
        Thread("MainThread", (f"select {canned.LIB}/selectors.py:415", *canned.SERVES)),
        *workers,
        processes=[process(), *(process(pid, PID, forked=True) for pid in WORKERS)],
        held=[held] if held else [],
        wanted=[wanted(pid) for pid in WORKERS],
    )
    looks = tuple(
        TaskLook(pid, 0.5, "3.11", taken=(NAME,) if pid == taken_by else ()) for pid in (PID, *WORKERS) if pid != unread
    )
    return replace(seen, tasks=looks)


def test_a_shared_lock_that_no_living_process_has_is_lost_with_its_holder() -> None:
    first = diagnose(server()).findings[0]
    assert (first.cause, first.certainty, first.advice) == ("lock-deadlock", "likely", "restart")
    assert first.summary.startswith("2 wait for self.lock")
    assert "its holder has ended" in first.summary
    assert "with its master" in first.details[0]


def test_a_process_that_took_the_shared_lock_and_lives_is_named() -> None:
    first = diagnose(server(taken_by=PID)).findings[0]
    assert first.cause == "lock-deadlock"
    assert f"process {PID} took it and has not given it back" in first.summary


def test_a_process_that_was_not_read_may_hold_the_shared_lock() -> None:
    assert diagnose(server(unread=PID)).findings[0].certainty == "guess"


def test_a_shared_lock_that_passes_from_hand_to_hand_is_not_lost() -> None:
    assert "lock-deadlock" not in {one.cause for one in diagnose(server(moves=True)).findings}


def test_a_holder_in_another_process_is_found() -> None:
    held = replace(wanted(PID), tid=PID, frame=canned.frame(f"serve {APP}:90"))
    assert "lock-deadlock" not in {one.cause for one in diagnose(server(held=held)).findings}


@pytest.mark.parametrize(("operation", "verdict"), [(0x189, "fork-lock"), (0x109, "")])
def test_the_kernel_tells_a_lock_between_processes_where_no_memory_could_be_read(operation: int, verdict: str) -> None:
    seen = evidence(
        Thread("MainThread", (f"convert {APP}:31", *REQUEST), call="wait4"),
        Thread("MainThread", (f"count {APP}:15", f"convert {APP}:29", *REQUEST), call="futex", pid=200, tid=200),
        processes=[process(threads=3), process(200, PID, forked=True)],
    )
    call = SystemCall(202, "futex", (0x7000, operation, 0, 0))
    looks = tuple(
        replace(one, threads=tuple(replace(it, call=call) if it.pid == 200 else it for it in one.threads))
        for one in seen.looks
    )
    found = diagnose(replace(seen, looks=looks))
    assert (found.verdict == "fork-lock") == bool(verdict)
