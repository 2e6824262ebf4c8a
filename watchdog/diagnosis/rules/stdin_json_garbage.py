"""A child's output is not always what was agreed: a line that is not JSON kills its reader."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import logbook
from watchdog.diagnosis.view import View, short
from watchdog.model.finding import Finding

PREVENT = (
    "In the child, keep standard output for messages alone (logs and prints to standard error); in the parent, catch "
    "the error of one line, log the line and go on reading."
)
_TYPES = ("JSONDecodeError", "UnpicklingError", "UnicodeDecodeError")


def rule(view: View) -> Iterator[Finding]:
    errors = [one for one in logbook.all_tracebacks(view.evidence.logs) if one.type.rpartition(".")[2] in _TYPES]
    if not errors or not view.in_trouble or not view.processes:
        return
    error = errors[-1]
    frame = view.innermost(error.frames)
    piped = [
        one
        for one in view.evidence.descriptors
        if one.kind in ("pipe", "unix") and any(view.is_child(pid, one.pid) for pid in one.other_ends)
    ]
    if frame is None or not piped:
        return
    child = next(pid for pid in piped[0].other_ends if view.is_child(pid, piped[0].pid))
    waiting = [one for one in view.stuck_threads if one.app_frame and one.serves_request]
    behind = (
        f"; {len(waiting)} requests wait for it in {short(waiting[0].app_frame)}"
        if waiting and waiting[0].app_frame
        else ""
    )
    yield Finding(
        cause="stdin-json-garbage",
        certainty="likely",
        lasted=max((one.stuck for one in waiting), default=0.0),
        summary=f"the reader of child {child}'s output has died in {short(frame)} of a line that is not a message "
        f"({error.short[:120]}){behind}",
        culprit=view.culprit(frame),
        evidence=("log", f"files.json#pid={piped[0].pid}"),
        prevent=PREVENT,
    )
