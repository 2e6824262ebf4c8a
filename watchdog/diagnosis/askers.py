"""Who waits for a piece of work that a thread does all in libraries: the application's line that gave it away. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from watchdog.diagnosis import posts, shape
from watchdog.diagnosis.code import base, package
from watchdog.diagnosis.tasks import serving
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.evidence import Frame, LockPoint
from watchdog.model.finding import Culprit

_WRAPS = frozenset({"asgiref", "concurrent", "anyio", "asyncio", "contextvars", "threading"})  # what only passes it on
_MADE_BY = frozenset({"__init__", "__call__", "<lambda>"})  # names that a call does not show


def culprit(view: View, thread: ThreadView, frame: Frame) -> tuple[Culprit | None, str]:
    """The guilty line of a thread that is in this frame, and words for where that is: the frame itself; where no call
    of the thread is the application's, the line that waits for its work."""
    line = asker(view, thread)
    found = view.culprit(line)
    if line is None or found is None:
        return view.culprit(frame, thread), short(frame)
    return replace(found, pid=thread.pid), f"{short(frame)}, work that {short(line)} waits for"


def asker(view: View, thread: ThreadView) -> Frame | None:
    """The line of the suspended task, or of the thread, that waits for this thread's work: the one that names what it
    does, else the only one there is. None where several lines wait and none names it."""
    inside = posts.item(thread.stable) or posts.given(thread.stable)
    given = [one for one in inside if package(one) not in _WRAPS]
    if thread.app_frame is not None or not given:
        return None
    waiting = set(_known(view, thread)) or set(_waiting(view, thread))
    naming = {line for line in waiting if _names(view, line) & _called(given[-1])}
    found = naming or waiting
    return found.pop() if len(found) == 1 else None


def _known(view: View, thread: ThreadView) -> Iterator[Frame]:
    """Lines of threads that wait for the very future whose work the thread does, as the memory has it."""
    looks = view.evidence.locks
    mine = {(one.pid, one.lock) for look in looks for one in look.held if _is_of(one, thread)}
    for point in (one for look in looks for one in look.wanted if (one.pid, one.lock) in mine):
        other = view.thread(point.pid, point.tid)
        if other is not None and other is not thread and other.app_frame is not None:
            yield other.app_frame


def _is_of(point: LockPoint, thread: ThreadView) -> bool:
    return point.kind == "Future" and (point.pid, point.tid) == (thread.pid, thread.tid)


def _waiting(view: View, thread: ThreadView) -> Iterator[Frame]:
    """Lines that wait for work of a thread of the same process."""
    for task in serving(view, frozenset({"threads"})):
        if task.task.pid == thread.pid:
            yield task.app_frame
    for other in view.threads_of(thread.pid):
        if other is not thread and other.wait.kind == "future" and other.app_frame is not None:
            yield other.app_frame


def _called(frame: Frame) -> set[str]:
    """Names under which the application may have given this call away: "SMTP" of `SMTP.__init__`, "get"."""
    names = set(frame.function.split(".")) - _MADE_BY
    return names or {base(frame).removesuffix(".py")}


def _names(view: View, line: Frame) -> set[str]:
    """Names in the statement at this line; of one that awaits a variable, also those in what was assigned to it."""
    source = view.file(line.file)
    statement = shape.statement_at(source, line.line) if source is not None else None
    if source is None or statement is None:
        return set()
    found = _all_names(statement)
    for before in shape.before(source, line.line):
        if isinstance(before, ast.Assign) and found & {shape.last_name(target) for target in before.targets}:
            found |= _all_names(before.value)
    return found


def _all_names(node: ast.AST) -> set[str]:
    return {shape.simple_name(one) for one in ast.walk(node)} - {""}
