"""A database writer keeps its lock: everybody else waits at it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from watchdog.diagnosis import logbook
from watchdog.diagnosis.transactions import left_open
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.diagnosis.waits import in_database
from watchdog.model.finding import Culprit, Finding
from watchdog.model.open_files import FileLock
from watchdog.text.units import format_duration

PREVENT = (
    "Keep write transactions short: nothing that waits (a person, a network, a sleep) between BEGIN and COMMIT, and "
    "a commit or rollback on every path. A busy time-out and WAL mode soften it."
)
_FIRST_BYTE = 0x40000000  # SQLite locks bytes from here on; in WAL mode bytes 120 to 127 of the -shm file
_TRANSACTION = re.compile(
    r"\bBEGIN\b"
    r"|\.(execute|executemany|executescript|cursor|connect|begin|transaction|atomic|save|create|add|session|Session)\s*\(",
    re.I,
)

# Of who has come to rest at its queue: that it has a connection says nothing.
_BEGINS = re.compile(r"\bBEGIN\b|\b(INSERT|UPDATE|DELETE|REPLACE)\b|\.begin\s*\(", re.I)


def rule(view: View) -> Iterator[Finding]:
    taken = [lock for lock in view.evidence.file_locks if lock.exclusive and not lock.waiting and is_database(lock)]
    victims = [thread for thread in view.python_threads if at_database(view, thread)]
    said = logbook.matching(view.evidence.logs, r"database (table )?is locked", 60)
    if not taken or not (victims or said):
        return
    lock = taken[0]
    holder = _holder(view, lock)
    culprit = _culprit(view, holder, lock, victims)
    seconds = holder.stuck if holder else view.waited
    yield Finding(
        cause="db-locked",
        certainty="certain" if victims else "guess",
        lasted=seconds if victims else None,
        summary=_told(view, lock, holder, seconds) + (f"; {len(victims)} threads wait for it" if victims else ""),
        instead="restart" if lock.pid in view.processes else "call-a-person",
        culprit=culprit,
        peer=None if lock.pid in view.processes else f"pid {lock.pid}: {lock.owner[:80]}",
        evidence=("files.json#locks", *((holder.reference,) if holder else ())),
        prevent=PREVENT,
    )


def _told(view: View, lock: FileLock, holder: ThreadView | None, seconds: float) -> str:
    who = str(lock.pid) if lock.pid in view.processes else f"{lock.pid} ({lock.owner[:80]})"
    path = lock.path.removesuffix("-shm")
    what = f"{path} for {format_duration(seconds)}" if seconds >= 1 else path
    if holder is None or holder.app_frame is None:
        return f"process {who} keeps the write lock of {what}"
    place = short(holder.app_frame)
    return f"process {who} keeps the write lock of {what} in {place}, waiting for {holder.wait.words}"


def is_database(lock: FileLock) -> bool:
    return lock.start >= _FIRST_BYTE or (lock.path.endswith("-shm") and lock.start >= 120)


def at_database(view: View, thread: ThreadView) -> bool:
    """It was found at a call into the database in most looks."""
    if thread.wait.kind == "database":
        return True
    looks = [one.frames for _, one in thread.complete_samples if one.frames]
    inside = [frames for frames in looks if in_database(view, frames[0])]
    return len(inside) >= 0.5 * len(looks) > 0


def _holder(view: View, lock: FileLock) -> ThreadView | None:
    """The thread that has begun a transaction in a function it is still in, and now waits for something else."""
    threads = [*view.threads_of(lock.pid), *view.other_threads(lock.pid)]
    inside = [
        thread
        for thread in threads
        if thread.app_frame is not None
        and not thread.is_idle
        and thread.wait.kind != "database"
        and began_transaction(view, thread, _BEGINS if thread.waits_for_work else _TRANSACTION)
    ]
    return max(inside, key=lambda thread: thread.stuck, default=None)


def began_transaction(view: View, thread: ThreadView, said: re.Pattern[str] = _TRANSACTION) -> bool:
    """Whether one of its functions of the application has spoken so to a database above the line it stands at."""
    for frame in thread.frames:
        source = view.file(frame.file)
        if source is None:
            continue
        first = view.function_start(frame)
        if any(first <= number < frame.line and said.search(text) for number, text in source.lines):
            return True
    return False


def _culprit(view: View, holder: ThreadView | None, lock: FileLock, victims: list[ThreadView]) -> Culprit | None:
    """Where the holder stands; where no thread is in the transaction, who may have left it open; else a victim."""
    if holder is not None:
        return view.culprit(holder.app_frame, holder)
    waiters = {(frame.file, frame.line) for thread in victims for frame in thread.frames}
    left = left_open(view, waiters) if lock.pid in view.processes else None
    if left is not None:
        return view.culprit(left)
    return view.culprit(victims[0].dominant_frame[0], victims[0]) if victims else None
