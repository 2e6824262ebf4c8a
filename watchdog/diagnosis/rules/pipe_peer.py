"""It waits at a pipe for another process, which neither reads nor writes: a log shipper, a helper with lines."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.progress import goes_on
from watchdog.diagnosis.rules.child_wait import waits_for_child
from watchdog.diagnosis.rules.external_wait import PREVENT
from watchdog.diagnosis.tasks import serving
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

_KINDS = ("pipe-write", "pipe-read")


def rule(view: View) -> Iterator[Finding]:
    if not view.troubled:
        return
    waiting = [one for one in view.stuck_threads if one.wait.kind in _KINDS and _matters(view, one)]
    if not view.in_trouble:  # who answers may wait for long work
        waiting = [one for one in waiting if not any(goes_on(view, pid) for pid in one.wait.pids)]
    for thread in sorted(waiting, key=lambda one: one.wait.kind != "pipe-write")[:1]:
        yield _of_thread(view, thread)
    if not waiting:
        yield from _of_tasks(view)


def _matters(view: View, thread: ThreadView) -> bool:
    """Whether requests need what it waits for: it serves one, or has a full pipe before it. A thread that only reads
    what a helper may say is at rest."""
    if waits_for_child(view, thread):
        return False  # has a rule of its own
    others = [pid for pid in thread.wait.pids if pid != thread.pid]
    return bool(others) and (thread.serves_request or thread.is_main or thread.wait.kind == "pipe-write")


def _of_thread(view: View, thread: ThreadView) -> Finding:
    assert thread.app_frame is not None
    pid = next(one for one in thread.wait.pids if one != thread.pid)
    return Finding(
        cause="external-wait",
        certainty="likely",
        lasted=thread.stuck,
        waits_for="child",
        summary=f"{thread.label} waits {format_duration(thread.stuck)} for {thread.wait.words} in "
        f"{short(thread.app_frame)}{_instead(view, pid)}",
        culprit=view.culprit(thread.app_frame, thread),
        peer=_named(view, pid),
        evidence=(thread.reference, f"files.json#pid={thread.pid}"),
        prevent=PREVENT,
    )


def _of_tasks(view: View) -> Iterator[Finding]:
    """A task that waits for a stream, in a process whose only peers are children at the other end of a pipe."""
    for one in serving(view, frozenset({"network"})):
        pid = one.task.pid
        if any(peer.pid == pid and peer.state == "ESTABLISHED" for peer in view.upstreams):
            continue
        ends = {end for it in view.evidence.descriptors if it.pid == pid for end in it.other_ends} - {pid}
        children = [child for child in view.living_children(pid) if child in ends]
        if children and (view.in_trouble or not any(goes_on(view, child) for child in children)):
            yield Finding(
                cause="external-wait",
                certainty="likely",
                lasted=0.0,
                waits_for="child",
                summary=f"a task waits for its child {children[0]} in {short(one.app_frame)}"
                f"{_instead(view, children[0])}",
                culprit=view.culprit(one.app_frame),
                peer=_named(view, children[0]),
                evidence=(f"tasks.json#pid={pid},task={one.task.name}", f"files.json#pid={pid}"),
                prevent=PREVENT,
                details=one.calls,
            )
            return


def _instead(view: View, pid: int) -> str:
    """What the other process does meanwhile."""
    threads = [one for one in (*view.threads_of(pid), *view.other_threads(pid)) if one.app_frame and not one.is_idle]
    for one in sorted(threads, key=lambda one: not one.is_main):
        assert one.app_frame is not None
        return f"; process {pid} is in {short(one.app_frame)} and waits for {one.wait.words}"
    return ""


def _named(view: View, pid: int) -> str:
    process = view.processes.get(pid)
    return f"pid {pid}" + (f": {process.shown(60)}" if process else "")
