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
        lock = kept(view, thread.pid, thread.wait.descriptor.target if thread.wait.descriptor else "")
        # Without the holder's pid it may still be one of our own threads.
        yield _finding(view, thread, lock, len(waiting))


def kept(view: View, pid: int, path: str | None = None) -> FileLock | None:
    """The lock of another process that is in the way of this one, on that file; on any file that it has open, if there
    is only one such lock."""
    locks = [one for one in view.evidence.file_locks if not one.waiting and one.pid != pid]
    if path is None:
        mine = {one.target for one in view.evidence.descriptors if one.pid == pid and one.kind == "file"}
        held = [one for one in locks if one.path in mine]
        return held[0] if len(held) == 1 else None
    held = [one for one in locks if one.path == path]
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
        f"{short(thread.app_frame)}{who_keeps(view, lock)}{many}",
        instead=None if inside or lock is None else "call-a-person",
        culprit=view.culprit(thread.app_frame, thread),
        peer=f"pid {lock.pid}: {lock.owner[:80]}" if lock is not None else None,
        evidence=("files.json#locks", thread.reference),
        prevent=PREVENT,
        details=() if inside or lock is None else ("a restart changes nothing while that process keeps the lock",),
    )


def who_keeps(view: View, lock: FileLock | None) -> str:
    """Which process keeps the lock, and what it does meanwhile."""
    if lock is None:
        return ""
    threads = [one for one in (*view.threads_of(lock.pid), *view.other_threads(lock.pid)) if one.app_frame]
    where = f", which is in {short(threads[0].app_frame)}" if threads and threads[0].app_frame else ""
    return f"; process {lock.pid} ({lock.owner[:60]}) keeps it{where}"
