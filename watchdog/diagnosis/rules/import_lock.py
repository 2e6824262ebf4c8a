"""An import waits for itself: a module waits, while it is being imported, for somebody who needs it imported."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.code import at_place, is_application
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.evidence import Frame
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

PREVENT = (
    "Nothing that waits belongs at the top level of a module: start threads and wait for them in a function that is "
    "called after the import, and import at the top of the file, not inside a function that runs in a thread."
)
_IMPORTS = ("<frozen importlib._bootstrap>:*", "importlib/_bootstrap.py:*")


def rule(view: View) -> Iterator[Finding]:
    waiting = [thread for thread in view.python_threads if thread.wait.kind == "import" and thread.stuck >= 0.5]
    if not waiting:
        return
    importer = next(((thread, frame) for thread in view.python_threads if (frame := _importing(thread))), None)
    thread, frame = importer or (waiting[0], waiting[0].app_frame)
    if frame is None:
        return
    doing = f"; it waits there for {thread.wait.words}" if importer else ""
    yield Finding(
        cause="import-lock",
        certainty="certain",
        lasted=2 * thread.stuck,
        summary=f"{len(waiting)} threads wait for an import that {thread.label} has begun and does not end: it stands "
        f"in {short(frame)} for {format_duration(thread.stuck)}{doing}",
        culprit=view.culprit(frame, thread),
        evidence=(thread.reference, *(one.reference for one in waiting[:3])),
        prevent=PREVENT,
        details=tuple(f"{one.label} imports in {short(one.app_frame)}" for one in waiting[:5] if one.app_frame),
    )


def _importing(thread: ThreadView) -> Frame | None:
    """The line at which the module that it imports stands, if it waits inside an import for something else."""
    if thread.wait.kind in ("import", "running") or thread.waits_for_work or thread.app_frame is None:
        return None
    frames = thread.frames
    for index, frame in enumerate(frames[:-1]):
        if is_application(frame) and frame.function == "<module>" and at_place(frames[index + 1], _IMPORTS):
            return thread.app_frame
    return None
