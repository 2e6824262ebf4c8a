"""No space, or no inode, is left on a file system that the server writes to."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import logbook, shape
from watchdog.diagnosis.code import is_application
from watchdog.diagnosis.tasks import answers_request, suspended
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.evidence import DiskLook, Frame
from watchdog.model.finding import Culprit, Finding
from watchdog.text.units import format_size

PREVENT = (
    "Rotate and bound what is written there, watch the free space, and make a failed write an error of that one "
    "request instead of trying again for ever."
)
_ERRORS = r"No space left on device|\[Errno (28|122)\]|Disk quota exceeded|database or disk is full"


# Errors under which a failed write is caught.
_CAUGHT = frozenset({"OSError", "IOError", "EnvironmentError", "Exception", "BaseException"})


def rule(view: View) -> Iterator[Finding]:
    said = logbook.matching(view.evidence.logs, _ERRORS, 120)
    again = _tries_again(view) if view.in_trouble else None
    full = [disk for disk in _used(view, bool(said or again)) if _is_full(disk)]
    if not full and not (said and (view.in_trouble or view.evidence.tree is None)):
        return
    disk = full[0] if full else None
    where = f"{disk.mount} has {format_size(disk.free)} left of {format_size(disk.total)}" if disk else said[-1][:200]
    if disk is not None and disk.free_inodes == 0:
        where = f"{disk.mount} has no inode left"
    sure = bool(full) and bool(again or view.in_trouble or said)
    yield Finding(
        cause="disk-full",
        certainty="certain" if sure else "guess",
        summary=f"no space is left on a file system that the server writes to: {where}"
        + (f"; after an error it waits to try again in {short(again[0])}" if full and again else ""),
        culprit=view.culprit(*again) if full and again else _culprit(view),
        evidence=("machine.json#disks", *(("log",) if said else ())),
        prevent=PREVENT,
        details=tuple(said[-3:]),
    )


def _used(view: View, wanting: bool) -> list[DiskLook]:
    """Where it has a file open for writing; where something wants to write and cannot, also those that it was told."""
    machine = view.evidence.machine
    written = {one.target for one in view.evidence.descriptors if one.kind == "file" and one.writable}
    disks = [disk for disk in machine.disks if not disk.read_only] if machine else []
    return [disk for disk in disks if disk.path in written or (wanting and disk.named)]


def _tries_again(view: View) -> tuple[Frame, ThreadView | None] | None:
    """Who waits where an error is caught under which a failed write comes. What comes after such an attempt in a loop
    may be any rest between two rounds, unless a request or a lock hangs on it."""
    holders = {(one.pid, one.task or one.tid) for look in view.evidence.locks for one in look.held}
    calls: list[tuple[tuple[Frame, ...], ThreadView | None, bool]] = [
        (one.chain[::-1], None, answers_request(one.task) or (one.task.pid, one.task.name) in holders)
        for one in suspended(view)
        if one.kind in ("sleep", "sign")
    ]
    calls += [
        (one.frames, one, one.serves_request or (one.pid, one.tid) in holders)
        for one in view.python_threads
        if one.wait.kind in ("sleep", "event")
    ]
    for frames, thread, matters in calls:
        for frame in frames:
            source = view.file(frame.file) if is_application(frame) else None
            if source is None:
                continue
            if shape.in_handler(source, frame.line, _CAUGHT) or (
                matters and shape.after_error(source, frame.line, _CAUGHT)
            ):
                return frame, thread
    return None


def _is_full(disk: DiskLook) -> bool:
    return disk.total > 0 and (disk.free < min(65536, disk.total / 1000) or disk.free_inodes == 0)


def _culprit(view: View) -> Culprit | None:
    """Who tries again and again to write; else where the log's last failed write was."""
    for thread in view.roots:
        return view.culprit(thread.app_frame, thread)
    for error in reversed(logbook.all_tracebacks(view.evidence.logs)):
        if "space left" in error.message or "quota" in error.message:
            return view.culprit(view.innermost(error.frames))
    return None
