"""It waits for a child process that does not end, and nothing bounds the wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from watchdog.diagnosis.code import at_place
from watchdog.diagnosis.progress import children_go_on
from watchdog.diagnosis.tasks import suspended
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

# Waits of a child that say why it does not end.
_TOLD = frozenset({"fifo", "socket", "connect", "send", "pipe-read", "pipe-write", "file-lock", "disk"})
PREVENT = (
    "Give the wait a time-out (`subprocess.run(..., timeout=…)`), end the child when it comes, and answer with an "
    "error."
)


def rule(view: View) -> Iterator[Finding]:
    for task in suspended(view) if view.troubled else ():
        if task.kind == "child" and not _may_end(view, task.task.pid):
            yield Finding(
                cause="child-wait",
                certainty="likely",
                lasted=0.0,
                waits_for="child",
                summary=f"a task waits for a child process to end"
                f" in {short(task.app_frame)}{_children(view, task.task.pid)}",
                culprit=view.culprit(task.app_frame),
                evidence=(f"tasks.json#pid={task.task.pid},task={task.task.name}",),
                prevent=PREVENT,
            )
            break
    for thread in view.stuck_threads:
        if not waits_for_child(view, thread) or thread.app_frame is None or not view.troubled:
            continue
        if _may_end(view, thread.pid):
            continue
        yield Finding(
            cause="child-wait",
            certainty="likely",
            lasted=thread.stuck,
            waits_for="child",
            summary=f"{thread.label} waits {format_duration(thread.stuck)} for a child process to end in "
            f"{short(thread.app_frame)}{_children(view, thread.pid)}",
            culprit=view.culprit(thread.app_frame, thread),
            evidence=(thread.reference, f"threads.json#pid={thread.pid},tid={thread.tid}"),
            prevent=PREVENT,
        )
        return


def waits_for_child(view: View, thread: ThreadView) -> bool:
    """For its end, also where the call that waits for that reads what the child writes until then."""
    if thread.wait.kind != "pipe-read":
        return thread.wait.kind == "child"
    ends = any(view.is_child(pid, thread.pid) for pid in thread.wait.pids)
    return ends and any(at_place(frame, _READS_TO_THE_END) for frame in thread.work)


_READS_TO_THE_END = ("subprocess.py:communicate", "subprocess.py:check_output", "subprocess.py:run")


def _may_end(view: View, pid: int) -> bool:
    """Whether the server answers while each child goes on: long work, perhaps, and not a hang."""
    return not view.in_trouble and children_go_on(view, pid)


def _children(view: View, pid: int) -> str:
    told = _who_keeps_its_output(view, pid)
    if told:
        return f"; the child has ended, and {'; '.join(told[:3])} keeps its output open"
    living = view.living_children(pid)
    told = [f"process {one} ({view.processes[one].shown(60)})" for one in living]
    return (": " + "; ".join(told[:3]) if told else "") + _held_at(view, living)


def _held_at(view: View, pids: Iterable[int]) -> str:
    """What the processes at the end of these trees wait for, where the kernel tells."""
    for pid in pids:
        below = view.living_children(pid)
        if below:
            return _held_at(view, below)
        waits = [one.wait for one in view.threads_of(pid) if one.is_main and one.wait.kind in _TOLD]
        if waits:
            return f"; process {pid} ({view.processes[pid].shown(40)}) waits for {waits[0].words}"
    return ""


def _who_keeps_its_output(view: View, pid: int) -> list[str]:
    """Processes that write to a pipe which this one reads, where no child of it lives: something that an ended child
    left behind."""
    if any(one.parent == pid and not one.ended for one in view.processes.values()):
        return []
    pipes = [one for one in view.evidence.descriptors if one.pid == pid and one.kind == "pipe" and not one.writable]
    others = sorted({other for one in pipes for other in one.other_ends} - {pid})
    known = view.processes
    return [f"process {other}" + (f" ({known[other].shown(60)})" if other in known else "") for other in others]
