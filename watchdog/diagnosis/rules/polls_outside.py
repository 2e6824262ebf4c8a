"""It asks again and again for something outside of the process: a lock in redis, a lock file, a peer.

What it polls is the trouble, and it is there after a restart as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import jobs
from watchdog.diagnosis.polling import Loop, polled, sent
from watchdog.diagnosis.rules.file_lock import kept, who_keeps
from watchdog.diagnosis.tasks import TaskWait, answers_request, suspended
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.evidence import Frame
from watchdog.model.finding import Finding
from watchdog.model.open_files import FileLock
from watchdog.text.units import format_duration

_WAITS = ("sleep", "event", "socket", "poll", "unknown", "running")
PREVENT = (
    "Bound the attempts (a time-out at the call), answer with an error when it comes, and give every lock outside of "
    "the process a time to live, so that a dead holder does not keep it."
)


def rule(view: View) -> Iterator[Finding]:
    if not view.in_trouble:
        return
    for thread in view.stuck_threads:
        loop = polled(view, thread.work)
        if loop is not None and loop.of == "result" and jobs.all_await_results(view, thread):
            return  # its root is here: see pool_exhausted
        if loop is not None and thread.app_frame is not None and thread.wait.kind in _WAITS:
            yield _finding(view, loop, thread.app_frame, thread.pid, thread)
            return
    for one in _tasks(view):
        loop = polled(view, reversed(one.task.frames))
        if loop is not None:
            yield _finding(view, loop, one.app_frame, one.task.pid)
            return


def _tasks(view: View) -> list[TaskWait]:
    """Those that answer requests; all of them where no task shows that it does."""
    waiting = suspended(view)
    return [one for one in waiting if answers_request(one.task)] or list(waiting)


def _finding(view: View, loop: Loop, own: Frame, pid: int, thread: ThreadView | None = None) -> Finding:
    lock = kept(view, pid) if loop.of == "lock" else None
    inside = lock is not None and lock.pid in view.processes
    since = f" for {format_duration(thread.stuck)}" if thread else ""
    seen = loop.of in ("peer", "result") or lock is not None or loop.who != "its own loop"
    return Finding(
        cause="external-wait",
        certainty="certain" if seen else "likely",
        lasted=thread.stuck if thread else 0.0,
        waits_for="child" if inside else "keeper" if loop.of not in ("peer", "result") and lock is None else "",
        summary=f"{thread.label if thread else 'a task'} waits{since} for {loop.what}{_of(view, loop, own)}: "
        f"{loop.who} polls it in {short(own)}{_at(view, loop, pid)}{who_keeps(view, lock)}",
        instead=None if inside else "call-a-person",
        culprit=view.culprit(own, thread),
        peer=_peer(view, loop, pid, lock),
        evidence=((thread.reference,) if thread else ("tasks.json",)) + (("files.json#locks",) if lock else ()),
        prevent=PREVENT,
        details=() if inside else (f"a restart changes nothing: {loop.remedy}",),
    )


def _of(view: View, loop: Loop, own: Frame) -> str:
    """Which task, where its result is waited for and the source names it."""
    name = sent(view, own) if loop.of == "result" else ""
    return f" ({name})" if name else ""


def _peer(view: View, loop: Loop, pid: int, lock: FileLock | None) -> str | None:
    """Who is asked over the network, if that is one; or who keeps the lock."""
    if lock is not None:
        return f"pid {lock.pid}: {lock.owner[:80]}"
    peers = {one.remote for one in view.upstreams if one.pid == pid}
    return next(iter(peers)) if len(peers) == 1 and loop.of == "peer" else None


def _at(view: View, loop: Loop, pid: int) -> str:
    peer = _peer(view, loop, pid, None)
    return f" at {peer}" if peer else ""
