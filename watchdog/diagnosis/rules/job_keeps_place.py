"""A job keeps its worker's place and does nothing with it: it sleeps, or waits for what the kernel does not tell."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import jobs
from watchdog.diagnosis.polling import awaits_result
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

PREVENT = (
    "Give every job a time limit that the worker enforces, and let a job that has to wait end and be scheduled again "
    "(a retry with a countdown) instead of sleeping in its place."
)
_KINDS = ("sleep", "unknown", "poll", "select", "semaphore")


def rule(view: View) -> Iterator[Finding]:
    if not view.unasked:
        return
    stuck = [one for one in jobs.stuck_threads(view) if one.serves_request and one.wait.kind in _KINDS]
    stuck = [one for one in stuck if not awaits_result(one.work)]  # these have a rule of their own
    for thread in sorted(stuck, key=lambda one: -(one.stuck + one.sleep_left))[:1]:
        yield _finding(view, thread, len(stuck))


def _finding(view: View, thread: ThreadView, count: int) -> Finding:
    assert thread.app_frame is not None
    left = f", for another {format_duration(thread.sleep_left)}" if thread.sleep_left >= 1 else ""
    many = f"; {count} jobs do so" if count > 1 else ""
    return Finding(
        cause="pool-exhausted",
        certainty="likely",
        summary=f"{thread.label} keeps its place for a job that waits {format_duration(thread.stuck)} for "
        f"{thread.wait.words} in {short(thread.app_frame)}{left}{many}",
        culprit=view.culprit(thread.app_frame, thread),
        evidence=(thread.reference,),
        prevent=PREVENT,
    )
