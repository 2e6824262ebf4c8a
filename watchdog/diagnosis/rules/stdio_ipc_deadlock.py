"""Parent and child each wait for the other's pipe: both write into full ones, or both read from empty ones."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.tasks import serving
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

PREVENT = (
    "Read and write at the same time (a reader thread, or asyncio), agree on one line a message and flush after each, "
    "and bound every read from the child with a time-out."
)
_ENDS = {"pipe-read": "reads an answer that is never written", "pipe-write": "writes into a full pipe"}


def rule(view: View) -> Iterator[Finding]:
    seen: set[frozenset[int]] = set()
    for one in view.threads:
        if one.wait.kind not in _ENDS or one.stuck < 0.5:
            continue
        for other in view.threads:
            pair = frozenset((one.pid, other.pid))
            if len(pair) < 2 or pair in seen or not _against(one, other) or other.stuck < 0.5:
                continue
            if all(thread.is_idle or not thread.samples for thread in (one, other)):
                continue  # workers of a pool and their manager read from each other when there is nothing to do
            seen.add(pair)
            yield _finding(view, *_parent_first(view, one, other))
    if not seen and view.troubled:
        yield from _of_tasks(view)


def _of_tasks(view: View) -> Iterator[Finding]:
    """A parent with an event loop awaits a line of the child, and the child waits for a message of the parent."""
    for task in serving(view, frozenset({"network"})):
        for child in view.threads:
            asks = child.wait.kind == "pipe-read" and task.task.pid in child.wait.pids and child.stuck >= 0.5
            if asks and view.is_child(child.pid, task.task.pid):
                yield Finding(
                    cause="stdio-ipc-deadlock",
                    certainty="certain",
                    lasted=0.0,
                    summary=f"process {task.task.pid} awaits a line of its child {child.pid}"
                    f" in {short(task.app_frame)}, and "
                    f"the child waits {format_duration(child.stuck)} for a message of its parent",
                    culprit=view.culprit(task.app_frame),
                    evidence=(f"tasks.json#pid={task.task.pid},task={task.task.name}", child.reference),
                    prevent=PREVENT,
                    details=tuple(f"  await {short(frame)}" for frame in task.chain),
                )
                return


def _against(one: ThreadView, other: ThreadView) -> bool:
    """Each waits at a pipe whose other end is the other's, in the same direction: nobody can go on."""
    return other.wait.kind == one.wait.kind and other.pid in one.wait.pids and one.pid in other.wait.pids


def _parent_first(view: View, one: ThreadView, other: ThreadView) -> tuple[ThreadView, ThreadView]:
    return (other, one) if view.processes[one.pid].parent == other.pid else (one, other)


def _finding(view: View, parent: ThreadView, child: ThreadView) -> Finding:
    where = [short(thread.app_frame) for thread in (parent, child) if thread.app_frame]
    return Finding(
        cause="stdio-ipc-deadlock",
        certainty="certain",
        lasted=2 * min(parent.stuck, child.stuck),
        summary=f"processes {parent.pid} and {child.pid} wait for each other's pipe for "
        f"{format_duration(min(parent.stuck, child.stuck))}: each {_ENDS[parent.wait.kind]} ({', '.join(where)})",
        culprit=view.culprit(parent.app_frame or child.app_frame, parent if parent.app_frame else child),
        evidence=(parent.reference, child.reference, f"files.json#pid={parent.pid}"),
        prevent=PREVENT,
        details=(
            f"process {parent.pid}: {parent.wait.words}",
            f"process {child.pid}: {child.wait.words}",
        ),
    )
