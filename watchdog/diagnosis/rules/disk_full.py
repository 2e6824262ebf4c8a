"""No space, or no inode, is left on a file system that the server writes to."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import logbook
from watchdog.diagnosis.view import View
from watchdog.model.evidence import DiskLook
from watchdog.model.finding import Culprit, Finding
from watchdog.model.units import format_size

PREVENT = (
    "Rotate and bound what is written there, watch the free space, and make a failed write an error of that one "
    "request instead of trying again for ever."
)
_ERRORS = r"No space left on device|\[Errno (28|122)\]|Disk quota exceeded|database or disk is full"


def rule(view: View) -> Iterator[Finding]:
    full = [disk for disk in _used(view) if _is_full(disk)]
    said = logbook.matching(view.evidence.logs, _ERRORS, 120)
    if not full and not (said and (view.in_trouble or view.evidence.tree is None)):
        return
    disk = full[0] if full else None
    where = f"{disk.mount} has {format_size(disk.free)} left of {format_size(disk.total)}" if disk else said[-1][:200]
    if disk is not None and disk.free_inodes == 0:
        where = f"{disk.mount} has no inode left"
    sure = 0.95 if full and (view.in_trouble or said) else 0.8 if full else 0.7
    yield Finding(
        cause="disk-full",
        confidence=sure,
        summary=f"no space is left on a file system that the server writes to: {where}",
        advice="call-a-person",
        culprit=_culprit(view),
        evidence=("machine.json#disks", *(("log",) if said else ())),
        prevent=PREVENT,
        details=tuple(said[-3:]),
    )


def _used(view: View) -> list[DiskLook]:
    machine = view.evidence.machine
    written = {one.target for one in view.evidence.descriptors if one.kind == "file" and one.writable}
    return [disk for disk in machine.disks if disk.path in written] if machine else []


def _is_full(disk: DiskLook) -> bool:
    return disk.total > 0 and (disk.free < min(65536, disk.total / 1000) or disk.free_inodes == 0)


def _culprit(view: View) -> Culprit | None:
    """Who tries again and again to write; else where the log's last failed write was."""
    for thread in view.roots:
        return view.culprit(thread.own, thread)
    for error in reversed(logbook.all_tracebacks(view.evidence.logs)):
        if "space left" in error.message or "quota" in error.message:
            return view.culprit(view.innermost(error.frames))
    return None
