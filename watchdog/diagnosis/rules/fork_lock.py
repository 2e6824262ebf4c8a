"""What a fork does not copy: the thread that held a lock, or the thread that would give what others wait for."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import lost_threads
from watchdog.diagnosis.locking import graph
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

PREVENT = (
    "Do not fork a process that has threads: start children with `subprocess`, or use multiprocessing's `spawn` or "
    "`forkserver`; otherwise fork before the first thread starts, or reset the locks with `os.register_at_fork`."
)

PREVENT_THREAD = (
    "A fork copies the memory and one thread. Start background threads, executors and schedulers in each worker after "
    "the fork (gunicorn: the hook post_fork; uWSGI: postfork), or do not load the application before it."
)


def rule(view: View) -> Iterator[Finding]:
    yield from _of_locks(view)
    yield from _of_threads(view)


def _of_threads(view: View) -> Iterator[Finding]:
    """Requests wait for a thread that was started before the fork, and lives in the parent only."""
    if not view.troubled:
        return
    waiting = [one for one in view.stuck_threads if view.in_trouble or not one.is_bounded]
    found = [(one, gone) for one in waiting if (gone := lost_threads.giver(view, one)) is not None]
    if not found:
        return
    thread, gone = found[0]
    assert thread.app_frame is not None
    many = sum(it == gone for _, it in found)
    parent = view.processes[thread.pid].parent
    where = f"in process {parent} " if lost_threads.twin(view, thread.pid, gone) is not None else ""
    yield Finding(
        cause="fork-lock",
        certainty="likely",
        lasted=thread.stuck,
        summary=f"{thread.label} waits {format_duration(thread.stuck)} for {thread.wait.words} in "
        f"{short(thread.app_frame)}{f' (and {many - 1} more)' if many > 1 else ''}; the thread {gone.name!r}, which "
        f"would do that in {short(gone.target)}, was started {where}before the fork and does not exist in process "
        f"{thread.pid}",
        culprit=view.culprit(thread.app_frame, thread),
        instead="call-a-person",
        evidence=(thread.reference, f"tasks.json#pid={thread.pid}"),
        prevent=PREVENT_THREAD,
        details=("a restart brings it back: each new worker is forked without that thread",),
    )


def _of_locks(view: View) -> Iterator[Finding]:
    for thread in view.python_threads:
        if _orphaned(view, thread):
            assert thread.place is not None
            parent = view.processes[thread.pid].parent
            waits = [one for one in view.threads_of(parent) if one.wait.kind == "child" and one.app_frame]
            behind = (
                f"; process {parent} waits for it in {short(waits[0].app_frame)}"
                if waits and waits[0].app_frame
                else ""
            )
            yield Finding(
                cause="fork-lock",
                certainty="certain",
                lasted=2 * thread.stuck,
                summary=f"process {thread.pid}, forked by {parent}, waits {format_duration(thread.stuck)} in "
                f"{short(thread.place)} for a lock that a thread of its parent held at the fork{behind}",
                culprit=view.culprit(thread.place, thread),
                evidence=(thread.reference, f"locks.json#pid={thread.pid}"),
                prevent=PREVENT,
            )
            return


def _orphaned(view: View, thread: ThreadView) -> bool:
    """A forked child whose lock no thread, task or greenlet of its own holds."""
    child = view.processes.get(thread.pid)
    parent = view.processes.get(child.parent) if child else None
    if child is None or parent is None or not child.forked:
        return False
    if thread.place is None or thread.stuck < 0.5 or thread.wait.kind not in ("lock", "import"):
        return False
    locks = graph(view.evidence.locks)
    wanted = locks.wanted.get((thread.pid, thread.tid))
    if thread.waits_for_shared_lock or (wanted is not None and (wanted.shared or locks.holder(wanted) is not None)):
        return False  # a lock between processes is not copied by a fork
    alone = sum(1 for other in view.threads_of(thread.pid) if not other.waits_for_work) == 1
    return alone and (wanted is not None or parent.threads > child.threads)
