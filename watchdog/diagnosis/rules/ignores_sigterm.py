"""SIGTERM was sent and does not end it: the handler waits, threads keep it, or the signal is blocked or ignored."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from watchdog.diagnosis import logbook, shape
from watchdog.diagnosis.code import at_place, function, is_application
from watchdog.diagnosis.ending import bounded, installs_ending, told_to_end, waits_to_be_told
from watchdog.diagnosis.tasks import answers_request, suspended
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.evidence import Frame
from watchdog.model.finding import Certainty, Culprit, Finding
from watchdog.text.units import format_duration

PREVENT = (
    "A signal handler only sets a flag: what it does must not wait for the very loop that it interrupted (a server's "
    "`shutdown()` belongs into another thread). Make helper threads daemons, and bound every graceful stop with a "
    "time-out."
)
PREVENT_DRAIN = (
    "Bound what is done at the end: join threads and queues with a time-out, tell the workers to stop before they are "
    "waited for, and end the process when the time is over."
)
TERM = 15
_SAID = r"SIGTERM|SIGINT|signal (15|2)\b|[Ss]hutting down|[Dd]raining|[Ss]topping|[Tt]erminating|[Gg]raceful"
_LASTING = frozenset({"join", "queue", "future", "event", "semaphore", "lock", "child"})


def rule(view: View) -> Iterator[Finding]:
    for thread in view.python_threads:
        if not thread.is_main:
            continue
        handler = _handler(view, thread)
        if handler is not None:
            yield _finding(
                view, f"its handler waits for {thread.wait.words} in {short(handler)}", handler, thread, "certain"
            )
        elif at_exit(thread):
            other = _kept_by(view, thread)
            by = (
                f"{other.label} in {short(other.app_frame)}"
                if other and other.app_frame
                else "a thread that is not a daemon"
            )
            yield _finding(
                view,
                f"it has started to end and is kept by {by}",
                other.app_frame if other else None,
                other or thread,
                "certain",
            )
    yield from _graceful(view)
    yield from _ending(view)
    for pid, number in view.evidence.pending:
        process = view.processes.get(pid)
        if number == TERM and process is not None and process.state not in "Tt" and TERM in process.blocked:
            yield _finding(view, f"it is blocked in process {pid}", None, None, "likely")


def _handler(view: View, thread: ThreadView) -> Frame | None:
    """The application's frame of a function that the source installs for SIGTERM or SIGINT, while it waits."""
    if thread.stuck < 0.5 or thread.wait.kind == "running":
        return None
    for frame in thread.frames:
        source = view.file(frame.file)
        if not is_application(frame) or source is None:
            continue
        if function(frame) in _installed(view, frame.file):
            return frame
    return None


def _installed(view: View, file: str) -> set[str]:
    """Names of functions that a file installs for a signal that ends a program."""
    source = view.file(file)
    module = shape.tree(source) if source else None
    names = set()
    for node in ast.walk(module) if module else ():
        if isinstance(node, ast.Call) and installs_ending(node):
            names.add(shape.simple_name(node.args[1]))
    return names - {""}


def at_exit(thread: ThreadView) -> bool:
    """The interpreter is ending and waits for other threads, or for what was registered to run at the end."""
    return any(
        at_place(frame, ("threading.py:_shutdown", "concurrent/futures/thread.py:_python_exit"))
        for frame in thread.frames
    )


def _kept_by(view: View, main: ThreadView) -> ThreadView | None:
    others = [one for one in view.threads_of(main.pid) if one is not main and one.app_frame is not None]
    return max(others, key=lambda one: (not one.waits_for_work, one.stuck), default=None)


def _graceful(view: View) -> Iterator[Finding]:
    """A server that was told to end waits for requests that never end."""
    said = logbook.matching(
        view.evidence.logs,
        r"Waiting for (connections to close|background tasks to complete|application shutdown)"
        r"|Handling signal: (term|int)|[Ss]hutting down|Received SIGTERM|Stopping server",
        15,
    )
    frames = [frame for look in view.tasks for task in look.tasks for frame in task.frames]
    drains = any(at_place(frame, _DRAINS) for frame in frames)
    seems = any(at_place(frame, _SEEM_TO_DRAIN) and "shutdown" in frame.function for frame in frames)
    if not ((drains and (said or _is_closed(view))) or (seems and said)):
        return
    waiting = suspended(view)
    own = waiting[0].app_frame if waiting else None
    words = f" ({said[-1][:80]})" if said else ", and its port is closed"
    yield _finding(view, f"it waits for requests to end first{words}", own, None, "certain" if drains else "likely")


# Where servers wait at their end for the requests that are open.
_DRAINS = (
    "uvicorn/server.py:shutdown",
    "aiohttp/web_runner.py:cleanup",
    "aiohttp/web_runner.py:shutdown",
)
_SEEM_TO_DRAIN = ("hypercorn/asyncio/run.py:*", "sanic/server/runners.py:*")


def _is_closed(view: View) -> bool:
    return not view.evidence.listeners and view.evidence.configured.port is not None


def _ending(view: View) -> Iterator[Finding]:
    """It has been told to end, has begun to, and stays in a wait that nothing bounds. While it still answers that may
    be good manners: only what lasts counts."""
    closed = _is_closed(view)
    said = logbook.matching(view.evidence.logs, _SAID, 15)
    for frame, calls, thread, seconds in _last_steps(view):
        if bounded(view, frame) or any(waits_to_be_told(view, one) for one in calls[:1]):
            continue
        told = any(told_to_end(view, one) for one in calls)
        if told and (closed or seconds >= view.limit):
            certainty: Certainty = "certain" if closed else "likely"
        elif closed and said and thread is not None and thread.wait.kind in _LASTING:
            certainty = "likely"
        else:
            continue
        state = "its port is closed" if closed else "it still answers" if view.answered else "it has started to end"
        words = f"; its log says: {said[-1][:100]}" if said else ""
        waits = f" for {thread.wait.words}" if thread else ""
        finding = _finding(
            view, f"{state}, and it waits{waits} in {short(frame)}{words}", frame, thread, certainty, seconds
        )
        yield replace(finding, prevent=PREVENT_DRAIN)
        return


def _last_steps(view: View) -> Iterator[tuple[Frame, tuple[Frame, ...], ThreadView | None, float]]:
    """(line, the application's calls innermost first, thread, seconds) of main threads and tasks that wait."""
    for thread in view.python_threads:
        if (
            thread.is_main
            and thread.app_frame is not None
            and thread.wait.kind != "running"
            and not thread.serves_request
        ):
            frames = thread.frames
            names = [(one.file, one.function) for one in frames]
            here = (thread.app_frame.file, thread.app_frame.function)
            calls = tuple(one for one in frames[names.index(here) :] if is_application(one)) if here in names else ()
            yield thread.app_frame, calls, thread, thread.stuck
    first = {(look.pid, task.address): look.at for look in reversed(view.evidence.tasks) for task in look.tasks}
    for one in suspended(view):
        if not answers_request(one.task):
            last = next(look.at for look in view.tasks if look.pid == one.task.pid)
            calls = tuple(frame for frame in one.chain[::-1] if is_application(frame))
            yield one.app_frame, calls, None, last - first[one.task.pid, one.task.address]


def _finding(
    view: View,
    why: str,
    frame: Frame | None,
    thread: ThreadView | None,
    certainty: Certainty,
    seconds: float | None = None,
) -> Finding:
    seconds = seconds if seconds is not None else thread.stuck if thread else view.waited
    culprit: Culprit | None = view.culprit(frame, thread)
    return Finding(
        cause="ignores-sigterm",
        certainty=certainty,
        lasted=2 * seconds,
        summary=f"it got the signal to end {'for ' + format_duration(seconds) + ' ' if seconds >= 1 else ''}"
        f"and does not: {why}",
        culprit=culprit,
        evidence=(thread.reference,) if thread else (),
        prevent=PREVENT,
        details=("only SIGKILL ends it now (wd kill does that after the grace)",),
    )
