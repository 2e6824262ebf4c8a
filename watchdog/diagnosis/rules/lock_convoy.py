"""Many threads queue for one lock whose holder keeps it while it does something slow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from watchdog.diagnosis.locking import graph, thread_of, who
from watchdog.diagnosis.tasks import TaskWait, answers_request, suspended
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.evidence import Frame, LockPoint
from watchdog.model.finding import Finding
from watchdog.model.open_files import Connection
from watchdog.text.units import format_size

PREVENT = (
    "Do the slow part (input and output, a sleep, a computation) before the lock is taken or after it is given back; "
    "guard only the shared data, and split a lock that guards too much."
)
PREVENT_SEND = (
    "Give each send a time-out, drop a client that does not read, and send outside of the lock: to a copy of the list."
)
MANY = 2
# What the task that has the lock waits for, where that has its own cause.
_OWN_ROOTS = ("child", "network", "pool", "semaphore", "sign", "task", "threads", "unknown")


def rule(view: View) -> Iterator[Finding]:
    if not (view.troubled or view.slow):
        return
    found = graph(view.evidence.locks)
    if found.cycle():
        return
    for points, holder in found.contended():
        if holder is None or who(holder) in found.wanted:
            continue
        if len(points) < MANY and not (view.hung and _asked(view, points[0])):
            continue
        yield _finding(view, points, holder)
        return


def _asked(view: View, point: LockPoint) -> bool:
    """Whether a request waits there, as far as can be told: then one in the queue is enough."""
    if point.task is None:
        thread = thread_of(view, point)
        return thread is not None and thread.serves_request
    asked = {(one.pid, one.name) for look in view.tasks for one in look.tasks if answers_request(one)}
    return who(point) in asked or not asked


def _finding(view: View, points: list[LockPoint], holder: LockPoint) -> Finding:
    thread, frame = _inside(view, points, holder)
    task = _task(view, holder)
    deaf = _does_not_read(view, holder.pid, thread, task)
    mild, client = not view.in_trouble, deaf is not None and deaf.served
    return Finding(
        cause="lock-convoy",
        certainty="likely",
        lasted=view.waited,
        waits_for="" if _passes(view, points, holder, task) else "holder",
        summary=f"{_least(view, holder)}{_many(len(points), 'task' if holder.task else 'thread')} for "
        f"{points[0].expression}; "
        f"who has it holds it in {short(frame)}{_doing(thread, task, deaf)}",
        instead="restart" if not mild else "call-a-person" if client else "wait",
        remedy="end-connection" if mild and client else "",
        culprit=view.culprit(frame, thread),
        peer=deaf.remote if deaf else None,
        details=(f"{deaf.remote} does not read: {format_size(deaf.unsent)} wait to be sent to it",) if deaf else (),
        evidence=(f"locks.json#pid={holder.pid}", *((thread.reference,) if thread else ())),
        prevent=PREVENT_SEND if deaf else PREVENT,
    )


def _doing(thread: ThreadView | None, task: TaskWait | None, deaf: Connection | None) -> str:
    """What the holder waits for meanwhile."""
    if deaf is not None:
        whom = "a client" if deaf.served else "a peer"
        return f", where it waits to send to {whom} that does not read ({deaf.remote})"
    waits = thread.wait.words if thread and thread.wait.kind not in ("running", "lock") else ""
    waits = task.words if task and task.kind not in ("unknown", "lock") else waits
    return f", where it waits for {waits}" if waits else ""


def _passes(view: View, points: list[LockPoint], holder: LockPoint, task: TaskWait | None) -> bool:
    """Whether the lock is what they wait for in the end. A holder that never comes back is a separate fault, and the
    queue behind it an effect: its rule is surer."""
    if holder.task is not None:
        return task is None or task.kind not in _OWN_ROOTS
    then = thread_of(view, holder)
    if then is not None and not then.moves and then.stuck >= 1.0:
        return False
    return any(one.moves for point in points if (one := thread_of(view, point)) is not None)


def _least(view: View, holder: LockPoint) -> str:
    """Of very many threads or tasks not all are read."""
    return "at least " if any(look.unread for look in view.tasks if look.pid == holder.pid) else ""


def _many(count: int, kind: str) -> str:
    return f"1 {kind} queues" if count == 1 else f"{count} {kind}s queue"


def _task(view: View, holder: LockPoint) -> TaskWait | None:
    mine = (one for one in suspended(view) if (one.task.pid, one.task.name) == (holder.pid, holder.task))
    return next(mine, None) if holder.task is not None else None


def _does_not_read(view: View, pid: int, thread: ThreadView | None, task: TaskWait | None) -> Connection | None:
    """The other end that keeps the holder from sending: that of the socket where it stands, or the one for which most
    waits to be sent."""
    found = [one for one in view.evidence.connections if one.pid == pid and one.unsent > 0]
    if task is not None and task.sends:
        return max(found, key=lambda one: one.unsent, default=None)
    if thread is not None and thread.wait.descriptor is not None and thread.wait.kind in ("client", "send"):
        return next((one for one in found if one.inode == thread.wait.descriptor.inode), None)
    unknown = task is not None and task.kind in ("network", "unknown")
    return found[0] if unknown and len(found) == 1 else None


def _inside(view: View, points: list[LockPoint], holder: LockPoint) -> tuple[ThreadView | None, Frame]:
    """What is done while the lock is held, and by whom. The lock passes from hand to hand between two looks, so whoever
    was seen in the function behind the place where the others queue counts, and the place that was seen most."""
    queue = {_place(point.frame) for point in points}
    functions = {_place(frame)[:2] for point in points for frame in _takers(view, point)}
    functions |= {_place(holder.frame)[:2]} if _place(holder.frame) not in queue else set()
    seen: Counter[Frame] = Counter()
    who: dict[Frame, ThreadView] = {}
    for thread in view.threads_of(holder.pid):
        for _, stack in thread.complete_samples:
            places = set(map(_place, stack.frames))
            frame = view.innermost(stack.frames)
            if frame and not places & queue and {place[:2] for place in places} & functions:
                seen[Frame(frame.function, frame.file, frame.line)] += 1
                who[Frame(frame.function, frame.file, frame.line)] = thread
    if holder.task is not None:
        task = _task(view, holder)
        return None, task.app_frame if task else holder.frame
    then = thread_of(view, holder)
    if then is not None and then.own_now is not None and not then.moves and _place(then.own_now) not in queue:
        return then, then.own_now
    if seen:
        usual = seen.most_common(1)[0][0]
        return who[usual], usual
    return then, then.own_now if then and then.own_now else holder.frame


def _takers(view: View, point: LockPoint) -> tuple[Frame, ...]:
    """The function that waits for the lock; where that is only a way to take it, also the one that called it."""
    thread = thread_of(view, point)
    calls = thread.frames if thread is not None else ()
    index = next((index for index, frame in enumerate(calls) if _place(frame) == _place(point.frame)), None)
    ways = ("acquire", "__enter__", "lock")
    outer = calls[index + 1 : index + 2] if index is not None and _place(point.frame)[1] in ways else ()
    return (point.frame, *outer)


def _place(frame: Frame) -> tuple[str, str, int]:
    return frame.file, frame.function.rpartition(".")[2], frame.line
