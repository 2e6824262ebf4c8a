"""Parent and child each wait for the other's pipe: both write into full ones, or both read from empty ones."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.tasks import serving
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.evidence import BridgeLook, Frame
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
    if view.evidence.configured.bridge is not None:
        yield from _of_bridge(view, view.evidence.configured.bridge)


def _of_bridge(view: View, bridge: BridgeLook) -> Iterator[Finding]:
    """The host and the child wait for each other, and `wd sidecar` stands between them.

    A thread that reads the next message is at its post while another thread of the child works on this one.
    """
    kind = "pipe-write" if bridge.both_full else "pipe-read"
    child = next((one for one in view.threads if one.wait.kind == kind and bridge.pid in one.wait.pids), None)
    if child is None or (not bridge.both_full and _works(view, child)):
        return
    host = next((one for look in view.evidence.others if look.pid == bridge.host for one in look.threads), None)
    frame = view.innermost(host.frames) if host else None
    for_long = format_duration(max(bridge.waited, child.stuck))
    if bridge.both_full:
        told = f"process {child.pid} and its host {bridge.host} both write and read nothing: both pipes are full"
    else:
        told = (
            f"process {child.pid} waits for a message of its host {bridge.host}, "
            f"and the host waits for the answer to {bridge.request or 'a message'}"
        )
    yield Finding(
        cause="stdio-ipc-deadlock",
        certainty="certain" if bridge.both_full else "likely",
        lasted=max(bridge.waited, child.stuck),
        summary=f"{told}, for {for_long}",
        culprit=view.culprit(child.app_frame, child),
        evidence=(child.reference,),
        prevent=PREVENT,
        details=(
            f"process {child.pid}: {child.wait.words}{_in(child.app_frame)}",
            f"host {bridge.host}:{_in(frame) or ' its calls cannot be read'}",
        ),
    )


def _works(view: View, reader: ThreadView) -> bool:
    """Whether the child is busy with a request elsewhere than where it reads the next one."""
    others = (one for one in view.threads if one.pid == reader.pid and one is not reader)
    return any(one.app_frame is not None and not one.is_idle for one in others) or any(
        task.frames for look in view.tasks if look.pid == reader.pid for task in look.tasks if not task.running
    )


def _in(frame: Frame | None) -> str:
    return f" in {short(frame)}" if frame else ""


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
