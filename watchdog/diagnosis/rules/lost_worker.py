"""Requests wait for answers of a worker process that has ended: nobody is left who writes to the pipe they come by."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import suspects
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Finding
from watchdog.text.units import counted, format_duration

PREVENT = (
    "Watch the worker process (`Process.sentinel`, `is_alive()`), answer what it owed with an error when it ends, and "
    "start another; or use `ProcessPoolExecutor`, whose futures fail when a worker dies."
)
_WORKERS = frozenset({"Process"})
_OWED = ("future", "queue", "event")


def rule(view: View) -> Iterator[Finding]:
    if not view.troubled:
        return
    for reader in view.python_threads:
        ended = [one.pid for one in view.evidence.zombies if one.parent == reader.pid]
        waiting = [one for one in view.stuck_threads if _is_owed(one, reader)]
        if ended and waiting and reader.app_frame is not None and _reads_from_nobody(reader):
            place, longest = short(reader.app_frame), max(one.stuck for one in waiting)
            yield Finding(
                cause="await-never",
                certainty="likely",
                lasted=longest,
                summary=f"child {ended[-1]} has ended, and nobody else writes to the pipe that {place} reads: "
                f"{counted(len(waiting), 'request')} without an answer for {format_duration(longest)}",
                culprit=suspects.find(view, _WORKERS) or view.culprit(reader.app_frame, reader),
                evidence=(reader.reference, f"processes.json#pid={ended[-1]}"),
                prevent=PREVENT,
            )
            return


def _reads_from_nobody(reader: ThreadView) -> bool:
    """Whether it waits at a pipe that its own process alone has open, as after the end of all others."""
    return reader.wait.kind == "pipe-read" and set(reader.wait.pids) == {reader.pid} and not reader.moves


def _is_owed(one: ThreadView, reader: ThreadView) -> bool:
    return one.pid == reader.pid and one.serves_request and (one is reader or one.wait.kind in _OWED)
