"""It waits for a child process that does not end, and nothing bounds the wait."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.view import View, short
from watchdog.model.finding import Finding
from watchdog.model.units import format_duration

PREVENT = (
    "Give the wait a time-out (`subprocess.run(..., timeout=…)`), end the child when it comes, and answer with an "
    "error."
)


def rule(view: View) -> Iterator[Finding]:
    for thread in view.stuck_threads:
        if thread.wait.kind != "child" or thread.own is None or not (view.in_trouble or thread.serves_request):
            continue
        if not view.in_trouble and thread.stuck < view.limit:
            continue
        children = [one for one in view.processes.values() if one.parent == thread.pid]
        told = "; ".join(f"{one.pid} {one.command[:60]}" for one in children[:3])
        yield Finding(
            cause="child-wait",
            confidence=view.sure(0.85, thread.stuck),
            summary=f"{thread.label} waits {format_duration(thread.stuck)} for a child process to end in "
            f"{short(thread.own)}{': ' + told if told else ''}",
            advice="restart",
            culprit=view.culprit(thread.own, thread),
            evidence=(thread.reference, f"threads.json#pid={thread.pid},tid={thread.tid}"),
            prevent=PREVENT,
        )
        return
