"""It waits for a child process that does not end, and nothing bounds the wait."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.tasks import suspended
from watchdog.diagnosis.view import View, short
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

PREVENT = (
    "Give the wait a time-out (`subprocess.run(..., timeout=…)`), end the child when it comes, and answer with an "
    "error."
)


def rule(view: View) -> Iterator[Finding]:
    for task in suspended(view) if view.in_trouble else ():
        if task.kind == "child":
            yield Finding(
                cause="child-wait",
                confidence=view.sure(0.85, 0.0),
                summary=f"a task waits for a child process to end in {short(task.own)}{_children(view, task.task.pid)}",
                advice="restart",
                culprit=view.culprit(task.own),
                evidence=(f"tasks.json#pid={task.task.pid},task={task.task.name}",),
                prevent=PREVENT,
            )
            break
    for thread in view.stuck_threads:
        if thread.wait.kind != "child" or thread.own is None or not (view.in_trouble or thread.serves_request):
            continue
        if not view.in_trouble and (view.unasked or thread.stuck < view.limit):
            continue
        yield Finding(
            cause="child-wait",
            confidence=view.sure(0.85, thread.stuck),
            summary=f"{thread.label} waits {format_duration(thread.stuck)} for a child process to end in "
            f"{short(thread.own)}{_children(view, thread.pid)}",
            advice="restart",
            culprit=view.culprit(thread.own, thread),
            evidence=(thread.reference, f"threads.json#pid={thread.pid},tid={thread.tid}"),
            prevent=PREVENT,
        )
        return


def _children(view: View, pid: int) -> str:
    told = [f"{one.pid} {one.command[:60]}" for one in view.processes.values() if one.parent == pid]
    return ": " + "; ".join(told[:3]) if told else ""
