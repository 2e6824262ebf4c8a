"""The number of threads only rises: hundreds of them stand at the same line and nobody ends them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from watchdog.diagnosis import suspects
from watchdog.diagnosis.locking import graph
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Finding

PREVENT = "End the threads that are started: a stop event, a time-out at what they wait for, or one pool with a bound."
_STEADY = "; it answers well, and their number did not rise meanwhile: look again later"
MANY = 100  # alike; pools of servers have some tens


def rule(view: View) -> Iterator[Finding]:
    queues = _queues(view)
    idle = [
        thread
        for thread in view.python_threads
        if thread.app_frame is not None
        and not thread.serves_request
        and (thread.pid, thread.app_frame.file, thread.app_frame.line) not in queues
    ]
    alike = Counter(
        (thread.pid, thread.app_frame.file, thread.app_frame.function, thread.app_frame.line)
        for thread in idle
        if thread.app_frame
    )
    if not alike or alike.most_common(1)[0][1] < MANY:
        yield from _of_libraries(view)
    if not alike:
        return
    (pid, file, function, line), count = alike.most_common(1)[0]
    grown = _growth(view)
    if count < MANY and not (count >= 20 and grown >= 5):
        return
    thread: ThreadView = next(
        one
        for one in idle
        if one.app_frame
        and (one.pid, one.app_frame.file, one.app_frame.function, one.app_frame.line) == (pid, file, function, line)
    )
    assert thread.app_frame is not None
    yield Finding(
        cause="thread-leak",
        certainty="guess" if _is_steady(view) else "likely",
        summary=f"{count} threads of process {pid} stand in {short(thread.app_frame)}"
        + (f"; {grown} more than at the first look" if grown > 0 else _STEADY * _is_steady(view)),
        instead="wait" if _is_steady(view) else None,
        culprit=view.culprit(thread.app_frame, thread),
        evidence=(f"stacks.json#pid={pid}", f"threads.json#pid={pid}"),
        prevent=PREVENT,
    )


def _queues(view: View) -> set[tuple[int, str, int]]:
    """Lines where threads queue for a lock that another one has: they go on when it is given back."""
    return {
        (point.pid, point.frame.file, point.frame.line)
        for points, holder in graph(view.evidence.locks).contended()
        if holder is not None
        for point in points
    }


def _of_libraries(view: View) -> Iterator[Finding]:
    """Hundreds of a library's threads wait for work: somebody makes a pool, a timer, a watcher a request."""
    idle = [thread for thread in view.python_threads if thread.app_frame is None and thread.is_idle and thread.frames]
    alike = Counter((thread.pid, tuple((frame.file, frame.function) for frame in thread.frames)) for thread in idle)
    for (pid, calls), count in alike.most_common(1):
        if count < MANY:
            return
        name = calls[-3][1] if len(calls) > 2 else calls[-1][1]
        yield Finding(
            cause="thread-leak",
            certainty="guess" if _is_steady(view) else "likely",
            summary=f"{count} threads of process {pid} stand in {name} and wait for work" + _STEADY * _is_steady(view),
            instead="wait" if _is_steady(view) else None,
            culprit=suspects.find(view, suspects.THREADS),
            evidence=(f"stacks.json#pid={pid}", f"threads.json#pid={pid}"),
            prevent=PREVENT,
        )


def _is_steady(view: View) -> bool:
    """It answers well and got no more threads meanwhile: a large pool looks the same."""
    return view.answers_well and _growth(view) <= 0


def _growth(view: View) -> int:
    points = view.evidence.memory
    return points[-1].threads - points[0].threads if len(points) > 1 else 0
