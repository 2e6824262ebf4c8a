"""A place of the application's own pool is free, and the threads that wait for one were not notified."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.rules.pool_exhausted import waits_for_lost_notice
from watchdog.diagnosis.view import View, short
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

PREVENT = (
    "Notify on every path that gives a place back, without a condition of its own, and bound the wait "
    "(`Condition.wait(timeout)` in a loop that checks again)."
)


def rule(view: View) -> Iterator[Finding]:
    if not view.troubled:
        return
    found = [(one, line) for one in view.stuck_threads if (line := waits_for_lost_notice(view, one)) is not None]
    if not found:
        return
    thread, line = found[0]
    assert thread.app_frame is not None
    many = f"{len(found)} threads wait" if len(found) > 1 else "1 thread waits"
    longest = format_duration(max(one.stuck for one, _ in found))
    yield Finding(
        cause="await-never",
        certainty="likely",
        lasted=thread.stuck,
        summary=f"{many} for a free place of the application's pool in {short(thread.app_frame)}, the longest for "
        f"{longest}; nobody has one, so one is free and nobody was notified",
        culprit=view.culprit(line, thread if line == thread.app_frame else None),
        evidence=tuple(one.reference for one, _ in found[:3]),
        prevent=PREVENT,
    )
