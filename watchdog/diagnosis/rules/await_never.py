"""Requests or threads wait for something that is never given: an event, a future, a queue without its other side."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import jobs, logbook
from watchdog.diagnosis.cleared_late import cleared_late
from watchdog.diagnosis.code import at_place, function, is_application
from watchdog.diagnosis.givers import may_be_given
from watchdog.diagnosis.locking import graph
from watchdog.diagnosis.lost_givers import is_held_alone, is_held_alone_by, lost_giver, lost_giver_of
from watchdog.diagnosis.own_queues import is_left_full
from watchdog.diagnosis.rules.pool_exhausted import waits_for_lost_notice
from watchdog.diagnosis.tasks import MAY_BE_MEANT, TaskWait, goes_round, keeps_others, serving
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.evidence import FailedTask, Frame
from watchdog.model.finding import Culprit, Finding
from watchdog.text.units import format_duration

PREVENT = (
    "Bound every await on something that another part has to set (`asyncio.wait_for`, `asyncio.timeout`), and set it "
    "on every path, errors and cancellations included."
)
PREVENT_THREADS = (
    "Bound every wait for another thread (`Condition.wait(timeout)`, `Queue.get(timeout=…)`, `Future.result(timeout)`) "
    "and give the sign on every path, errors included; the code that gives it must not die unnoticed."
)

_OF_THREADS = ("event", "queue", "future", "join")
_GIVEN_AWAY = ("future", "join")  # work that has begun, and no news that may come
_LONG_SLEEP = 600.0  # seconds: no client waits so long for its answer
_SELDOM_THE_ROOT = ("semaphore", "lock", "sleep")  # somebody has what they wait for, or it comes by itself
_KINDS = frozenset({"sign", "unknown", "sleep", "semaphore", "task"})


def rule(view: View) -> Iterator[Finding]:
    yield from _of_full_queues(view)
    if not view.troubled:
        return
    found = serving(view, _KINDS | {"lock"})
    # The holder of a lock between tasks is known, and has rules of its own; of one between greenlets it is not.
    known = [one for one in found if one.kind != "lock" or one.task.greenlet]
    known = [one for one in known if view.in_trouble or _never_meant(view, one)]
    known = _without_a_holder(view, known)
    known = [one for one in known if not (one.kind == "semaphore" and goes_round(view, one))]
    waiting = [one for one in known if loop_idles(view, one.task.pid)]
    waiting.sort(key=lambda one: not keeps_others(view, one))  # the root of a queue first
    if waiting:
        yield _of_task(view, waiting)
    elif not _has_own_tasks(view) or serving(view, frozenset({"threads"})):
        yield from _of_threads(view)


def _has_own_tasks(view: View) -> bool:
    """Whether the application runs on an event loop. A server of threads may have one for its own control."""
    tasks = (task for look in view.tasks for task in look.tasks if not task.greenlet)
    return any(is_application(frame) for task in tasks for frame in task.frames)


def may_be_meant(one: TaskWait) -> bool:
    """Whether a long poll or a stream waits in the same way."""
    return one.is_bounded or one.kind in MAY_BE_MEANT


def _never_meant(view: View, one: TaskWait) -> bool:
    return (
        not may_be_meant(one)
        or one.reads_its_body_again
        or is_held_alone(view, one)
        or lost_giver(view, one) is not None
    )


def _without_a_holder(view: View, waiting: list[TaskWait]) -> list[TaskWait]:
    """Who has the lock or place that a task waits for is known for some: these have rules of their own."""
    locks = graph(view.evidence.locks)
    kept = {(point.pid, point.task) for points, holder in locks.contended() if holder for point in points}
    return [one for one in waiting if (one.task.pid, one.task.name) not in kept]


def loop_idles(view: View, pid: int) -> bool:
    """Whether the event loop of the process waits for something to do."""
    loops = [thread for thread in view.threads_of(pid) if thread.is_event_loop]
    return bool(loops) and all((thread.is_idle or thread.is_hidden_loop) and not thread.spins for thread in loops)


def _of_task(view: View, waiting: list[TaskWait]) -> Finding:
    first = waiting[0]
    alike = sum(one.app_frame == first.app_frame for one in waiting)
    asked = f" ({first.task.request.partition('?')[0]})" if first.task.request else ""
    return Finding(
        cause="await-never",
        certainty="guess" if first.kind in _SELDOM_THE_ROOT else "likely",
        lasted=0.0,
        waits_for="peer" if first.kind == "sign" and serving(view, frozenset({"network"})) else "",
        summary=f"the event loop idles while {alike} {first.noun}{'s' if alike > 1 else ''}{asked} "
        f"await{'' if alike > 1 else 's'} {first.words} in {short(first.app_frame)}"
        f"{_nobody(view, first)}",
        culprit=view.culprit(_root(view, first.app_frame, lost_giver(view, first)) or first.app_frame),
        evidence=(f"tasks.json#pid={first.task.pid},task={first.task.name}",),
        prevent=PREVENT,
        details=first.calls,
    )


def _nobody(view: View, one: TaskWait) -> str:
    """Why nobody gives what the task waits for, where that is known."""
    if is_held_alone(view, one):
        return "; nothing else in the process refers to it"
    gone = lost_giver(view, one)
    return f"; {_over(view, gone)}" if gone else _late(view, one.app_frame)


def _over(view: View, giver: Frame) -> str:
    """Who would give it, and why it does not run any more."""
    died = _death(view, giver)
    if died is not None:
        return f"{short(giver)} would give it, and has died of {died.error}"
    return f"{short(giver)} would give it, and does not run any more"


def _death(view: View, giver: Frame) -> FailedTask | None:
    """The task that the function ran in, if it has failed."""
    failed = (one for look in view.tasks for one in look.failed)
    return next((one for one in failed if any(_is_same(frame, giver) for frame in one.frames)), None)


def _is_same(frame: Frame, other: Frame) -> bool:
    return frame.file == other.file and function(frame) == function(other)


def _root(view: View, waiter: Frame, giver: Frame | None) -> Frame | None:
    """Why it is not given: where the giver has died, or where a sign that came too early was cleared."""
    died = _death(view, giver) if giver else None
    inner = next((frame for frame in died.frames if is_application(frame)), None) if died else None
    return inner or (None if giver else cleared_late(view, waiter))


def _late(view: View, waiter: Frame) -> str:
    late = cleared_late(view, waiter)
    return f"; {short(late)} clears it after it has asked for it" if late else ""


def _of_threads(view: View) -> Iterator[Finding]:
    """The same among threads: requests wait for a sign (an event, a queue) that no living thread will give."""
    waiting = [
        thread
        for thread in view.stuck_threads
        if (thread.wait.kind in (_OF_THREADS if view.in_trouble else _GIVEN_AWAY) or _never_comes(view, thread))
        and (thread.serves_request or thread.is_main)
        if thread.wait.kind == "sleep" or is_held_alone_by(view, thread) or not may_be_given(view, thread)
        if not (thread.wait.kind == "future" and _was_given(view, thread))
        if (view.in_trouble or not thread.is_bounded) and waits_for_lost_notice(view, thread) is None
    ]
    if not waiting:
        return
    thread: ThreadView = waiting[0]
    assert thread.app_frame is not None
    died = [one.pid for one in view.evidence.exits if one.source == "watched"]
    lost = f"; process {died[-1]} of it has died meanwhile" if died and thread.wait.kind == "future" else ""
    lost = lost or _lost(view, thread)
    why = f"no other thread is about to give it{lost}"
    if is_held_alone_by(view, thread):
        why = "nothing else in the process refers to it"
    if thread.wait.kind == "sleep":
        why = f"it sleeps for {format_duration(thread.sleep_left)} more"
    yield Finding(
        cause="await-never",
        certainty="likely",
        lasted=thread.stuck,
        waits_for="peer",
        summary=f"{thread.label} waits {format_duration(thread.stuck)} for {thread.wait.words}"
        f" in {short(thread.app_frame)}; {why}",
        culprit=_culprit(view, thread),
        evidence=(thread.reference,),
        prevent=PREVENT_THREADS,
    )


def _culprit(view: View, thread: ThreadView) -> Culprit | None:
    assert thread.app_frame is not None
    root = _root(view, thread.app_frame, lost_giver_of(view, thread))
    return view.culprit(root) if root else view.culprit(thread.app_frame, thread)


def _never_comes(view: View, thread: ThreadView) -> bool:
    """Whether it waits for a sign whose giver is over, or for the end of a sleep that a mistaken unit made so long."""
    if thread.wait.kind == "sleep":
        return thread.serves_request and thread.sleep_left >= _LONG_SLEEP
    if thread.wait.kind not in _OF_THREADS:
        return False
    return is_held_alone_by(view, thread) or lost_giver_of(view, thread) is not None


def _was_given(view: View, thread: ThreadView) -> bool:
    """Whether it was woken between two looks while the server answers: it waits for one result after the other."""
    return thread.moves and not view.in_trouble


def _of_full_queues(view: View) -> Iterator[Finding]:
    """A thread waits for a place in a queue, and whoever took from it is gone."""
    for thread in view.python_threads:
        if thread.stuck >= jobs.PATIENCE and is_left_full(view, thread):
            assert thread.app_frame is not None
            yield Finding(
                cause="await-never",
                certainty="likely",
                lasted=thread.stuck,
                summary=f"{thread.label} waits {format_duration(thread.stuck)} for {thread.wait.words} in "
                f"{short(thread.app_frame)}; no thread is left that takes from it{_lost(view, thread)}",
                culprit=view.culprit(thread.app_frame, thread),
                evidence=(thread.reference,),
                prevent=PREVENT_THREADS,
            )
            return


def _lost(view: View, thread: ThreadView) -> str:
    """Who should have given the sign, and cannot any more."""
    living = {one.name for one in view.threads}
    dead = [name for name in logbook.dead_threads(view.evidence.logs) if name not in living]
    if thread.wait.kind == "future" and (new := _replaced(view, thread)) is not None:
        return f"; a worker process has ended meanwhile: {new} has taken its place, and what it did is lost"
    if dead:
        return f"; thread {dead[-1]!r} has died of an exception, the log tells which"
    gone = lost_giver_of(view, thread)
    assert thread.app_frame is not None
    return f"; {_over(view, gone)}" if gone is not None else _late(view, thread.app_frame)


def _replaced(view: View, thread: ThreadView) -> int | None:
    """A worker of a pool that was forked by the thread which keeps the pool full, after the wait began."""
    began = view.evidence.taken + view.span - thread.stuck - 0.5
    new = [
        one.pid
        for one in view.python_threads
        if view.is_child(one.pid, thread.pid)
        and any(at_place(frame, ("multiprocessing/pool.py:_handle_workers",)) for frame in one.frames)
        and view.processes[one.pid].started >= began
    ]
    return new[-1] if new else None
