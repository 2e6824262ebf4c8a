"""It waits for a lock on a file that another process keeps."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Finding
from watchdog.model.open_files import FileLock
from watchdog.text.units import format_duration

PREVENT = (
    "Try for the lock with a time-out (`LOCK_NB` in a bounded loop), answer with an error when it comes, and hold it "
    "only while the file is written."
)


def rule(view: View) -> Iterator[Finding]:
    if not view.troubled:
        return
    waiting = [one for one in view.stuck_threads if one.wait.kind == "file-lock"]
    for thread in waiting[:1]:
        lock = _kept(view, thread)
        # Without the holder's pid it may still be one of our own threads.
        yield _finding(view, thread, lock, len(waiting))


def _kept(view: View, thread: ThreadView) -> FileLock | None:
    """The lock that is in the way."""
    path = thread.wait.descriptor.target if thread.wait.descriptor else ""
    held = [one for one in view.evidence.file_locks if not one.waiting and one.path == path and one.pid != thread.pid]
    return next(iter(sorted(held, key=lambda one: not one.exclusive)), None)


def _finding(view: View, thread: ThreadView, lock: FileLock | None, count: int) -> Finding:
    assert thread.app_frame is not None
    inside = lock is not None and lock.pid in view.processes
    many = f"; {count} threads wait so" if count > 1 else ""
    return Finding(
        cause="external-wait",
        certainty="likely",
        lasted=thread.stuck,
        waits_for="child" if inside else "",
        summary=f"{thread.label} waits {format_duration(thread.stuck)} for {thread.wait.words} in "
        f"{short(thread.app_frame)}{_who(view, lock)}{many}",
        instead=None if inside or lock is None else "call-a-person",
        culprit=view.culprit(thread.app_frame, thread),
        peer=f"pid {lock.pid}: {lock.owner[:80]}" if lock is not None else None,
        evidence=("files.json#locks", thread.reference),
        prevent=PREVENT,
        details=() if inside or lock is None else ("a restart changes nothing while that process keeps the lock",),
    )


def _who(view: View, lock: FileLock | None) -> str:
    if lock is None:
        return ""
    threads = [one for one in (*view.threads_of(lock.pid), *view.other_threads(lock.pid)) if one.app_frame]
    where = f", which is in {short(threads[0].app_frame)}" if threads and threads[0].app_frame else ""
    return f"; process {lock.pid} ({lock.owner[:60]}) keeps it{where}"
