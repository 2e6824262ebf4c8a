"""Many threads queue for one lock whose holder keeps it while it does something slow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from watchdog.diagnosis.locking import graph, thread_of, who
from watchdog.diagnosis.tasks import suspended
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.evidence import Frame, LockPoint
from watchdog.model.finding import Finding

PREVENT = (
    "Do the slow part (input and output, a sleep, a computation) before the lock is taken or after it is given back; "
    "guard only the shared data, and split a lock that guards too much."
)
MANY = 2


def rule(view: View) -> Iterator[Finding]:
    if not (view.in_trouble or view.slow):
        return
    found = graph(view.evidence.locks)
    if found.cycle():
        return
    for points, holder in found.contended():
        if len(points) < MANY or holder is None or who(holder) in found.wanted:
            continue
        yield _finding(view, points, holder)
        return


def _finding(view: View, points: list[LockPoint], holder: LockPoint) -> Finding:
    thread, frame = _inside(view, points, holder)
    doing = (
        f", where it waits for {thread.wait.words}" if thread and thread.wait.kind not in ("running", "lock") else ""
    )
    # A holder that never comes back is a fault of its own, and the queue behind it an effect: its rule is surer.
    passes = holder.task is not None or any(
        one.moves for point in points if (one := thread_of(view, point)) is not None
    )
    return Finding(
        cause="lock-convoy",
        confidence=view.sure(0.95 if passes else 0.85, view.waited),
        summary=f"{len(points)} {'tasks' if holder.task else 'threads'} queue for {points[0].expression}; "
        f"who has it holds it in {short(frame)}{doing}",
        advice="restart" if view.hung else "wait",
        culprit=view.culprit(frame, thread),
        evidence=(f"locks.json#pid={holder.pid}", *((thread.reference,) if thread else ())),
        prevent=PREVENT,
    )


def _inside(view: View, points: list[LockPoint], holder: LockPoint) -> tuple[ThreadView | None, Frame]:
    """What is done while the lock is held, and by whom. The lock passes from hand to hand between two looks, so whoever
    was seen in the function behind the place where the others queue counts, and the place that was seen most."""
    queue = {_place(point.frame) for point in points}
    functions = {(file, name) for file, name, _ in queue}
    seen: Counter[Frame] = Counter()
    who: dict[Frame, ThreadView] = {}
    for thread in view.threads_of(holder.pid):
        for _, stack in thread.whole:
            calls = {(frame.file, frame.function.rpartition(".")[2]) for frame in stack.frames}
            frame = view.innermost(stack.frames)
            if frame and calls & functions and _place(frame) not in queue:
                seen[Frame(frame.function, frame.file, frame.line)] += 1
                who[Frame(frame.function, frame.file, frame.line)] = thread
    if holder.task is not None:
        task = next(
            (one for one in suspended(view) if (one.task.pid, one.task.name) == (holder.pid, holder.task)), None
        )
        return None, task.own if task else holder.frame
    then = thread_of(view, holder)
    if then is not None and then.own_now is not None and not then.moves and _place(then.own_now) not in queue:
        return then, then.own_now
    if seen:
        usual = seen.most_common(1)[0][0]
        return who[usual], usual
    return then, then.own_now if then and then.own_now else holder.frame


def _place(frame: Frame) -> tuple[str, str, int]:
    return frame.file, frame.function.rpartition(".")[2], frame.line
