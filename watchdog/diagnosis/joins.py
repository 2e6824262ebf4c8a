"""Who waits for others while it holds a lock that these others want. Pure."""

from __future__ import annotations

from watchdog.diagnosis import posts
from watchdog.diagnosis.givers import may_be_given
from watchdog.diagnosis.locking import graph, is_lock, thread_of, who
from watchdog.diagnosis.tasks import TaskWait, suspended
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Frame, LockPoint
from watchdog.model.records import record

_A_WHILE = 1.0  # seconds


@record(frozen=True)
class Joined:
    """A holder that waits for one who waits for it."""

    holder: LockPoint
    waiter: LockPoint
    frame: Frame  # where the holder waits


def joined(view: View) -> Joined | None:
    """The first lock whose holder, or semaphore whose every holder, waits for one of those that want it."""
    for points, holders in graph(view.evidence.locks).kept():
        found = [_joined(view, holder, points) for holder in holders if who(holder) not in set(map(who, points))]
        certain = [one for one in found if one is not None]
        if certain and len(certain) == len(holders):
            return certain[0]
    return None


def _joined(view: View, holder: LockPoint, points: list[LockPoint]) -> Joined | None:
    if holder.task is not None:
        return _by_task(view, holder, points)
    thread = thread_of(view, holder)
    if thread is None or thread.app_frame is None or not is_lock(holder):
        return None
    stands = thread.wait.kind in ("future", "join") and not thread.is_bounded and not thread.moves
    if not stands or thread.stuck < _A_WHILE or may_be_given(view, thread):
        return None
    for point in points:
        other = thread_of(view, point)
        if other is None or other.moves or other.stuck < _A_WHILE:
            continue
        started = thread.wait.kind == "join" and not posts.serves_request(other.frames)
        if started or posts.in_work_item(other.frames):
            return Joined(holder, point, thread.app_frame)
    return None


def _by_task(view: View, holder: LockPoint, points: list[LockPoint]) -> Joined | None:
    """Over the tasks that it waits for, and those that these wait for."""
    known = {one.task.address: one for one in suspended(view) if one.task.pid == holder.pid}
    wanting = {one.task: one for one in points if one.pid == holder.pid and one.task is not None}
    first = next((one for one in known.values() if one.task.name == holder.task), None)
    left, seen = [first] if first is not None else [], set[int]()
    while left:
        one = left.pop()
        if one.task.address in seen:
            continue
        seen.add(one.task.address)
        if one is not first and one.task.name in wanting and first is not None:
            return Joined(holder, wanting[one.task.name], first.app_frame)
        left += [known[other] for other in _waited_for(one) if other in known]
    return None


def _waited_for(one: TaskWait) -> tuple[int, ...]:
    if one.kind != "task":
        return ()
    return (*((one.task.waits_for_task,) if one.task.waits_for_task is not None else ()), *one.task.gathered)
