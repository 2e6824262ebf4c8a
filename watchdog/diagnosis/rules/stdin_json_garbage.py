"""A child's output is not always what was agreed: a line that is not JSON kills its reader."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import logbook
from watchdog.diagnosis.code import is_application
from watchdog.diagnosis.tasks import serving
from watchdog.diagnosis.view import View, short
from watchdog.model.evidence import FailedTask, Frame
from watchdog.model.finding import Finding

PREVENT = (
    "In the child, keep standard output for messages alone (logs and prints to standard error); in the parent, catch "
    "the error of one line, log the line and go on reading."
)
_TYPES = ("JSONDecodeError", "UnpicklingError", "UnicodeDecodeError")
_WAITS = frozenset({"sign", "unknown", "task"})


def rule(view: View) -> Iterator[Finding]:
    piped = [
        one
        for one in view.evidence.descriptors
        if one.kind in ("pipe", "unix") and any(view.is_child(pid, one.pid) for pid in one.other_ends)
    ]
    died = _reader(view) if piped and view.processes else None
    if died is None:
        return
    frame, error, source = died
    child = next(pid for pid in piped[0].other_ends if view.is_child(pid, piped[0].pid))
    waiting, longest = _waiting(view)
    behind = f"; {len(waiting)} requests wait for it in {short(waiting[0])}" if waiting else ""
    yield Finding(
        cause="stdin-json-garbage",
        certainty="likely",
        lasted=longest,
        summary=f"the reader of child {child}'s output has died in {short(frame)} of a line that is not a message "
        f"({error[:120]}){behind}",
        culprit=view.culprit(frame),
        evidence=(source, f"files.json#pid={piped[0].pid}"),
        prevent=PREVENT,
    )


def _reader(view: View) -> tuple[Frame, str, str] | None:
    """Where it died, of what, and what tells so: the log, or the memory where somebody still refers to its task."""
    logged = logbook.all_tracebacks(view.evidence.logs) if view.in_trouble else ()
    kept = [one for look in view.tasks for one in look.failed if view.troubled and not _goes_on(view, one)]
    found = [(one.type, one.short, one.frames, "log") for one in logged]
    found += [(one.error, one.error, one.frames, f"tasks.json#pid={one.pid}") for one in kept]
    for kind, words, frames, source in reversed(found):
        if kind.rpartition(".")[2] in _TYPES and (frame := view.innermost(frames)) is not None:
            return frame, words, source
    return None


def _goes_on(view: View, failed: FailedTask) -> bool:
    """Whether another task or thread does the same in its place."""
    own = {(frame.file, frame.function) for frame in failed.frames if is_application(frame)}
    living = [task.frames for look in view.tasks if look.pid == failed.pid for task in look.tasks]
    living += [thread.frames for thread in view.threads_of(failed.pid)]
    return any((frame.file, frame.function) in own for frames in living for frame in frames)


def _waiting(view: View) -> tuple[list[Frame], float]:
    """Where requests wait, and the longest of threads in seconds."""
    threads = [one for one in view.stuck_threads if one.app_frame and one.serves_request]
    places = [one.app_frame for one in threads if one.app_frame]
    places += [one.app_frame for one in serving(view, _WAITS)]
    return places, max((one.stuck for one in threads), default=0.0)
