"""A lock was held by another thread at the moment of a fork: in the child nobody will ever give it back."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.locking import graph
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

PREVENT = (
    "Do not fork a process that has threads: start children with `subprocess`, or use multiprocessing's `spawn` or "
    "`forkserver`; otherwise fork before the first thread starts, or reset the locks with `os.register_at_fork`."
)


def rule(view: View) -> Iterator[Finding]:
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
