"""Many threads queue for one lock whose holder keeps it while it does something slow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from watchdog.diagnosis.locking import graph, thread_of, who
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.evidence import LockPoint
from watchdog.model.finding import Finding

PREVENT = (
    "Do the slow part (input and output, a sleep, a computation) before the lock is taken or after it is given back; guard "
    "only the shared data, and split a lock that guards too much."
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
    thread = _holder_now(view, points, holder)
    frame = thread.own_now if thread and thread.own_now else holder.frame
    doing = f", where it waits for {thread.wait.words}" if thread and thread.wait.kind != "running" else ""
    # A holder that never comes back is a fault of its own, and the queue behind it an effect: its rule is surer.
    passes = _changes_hands(view, points)
    return Finding(
        cause="lock-convoy",
        confidence=view.sure(0.95 if passes else 0.85, view.waited),
        summary=f"{len(points)} threads queue for {points[0].expression}; {holder.thread or 'its holder'} holds it in "
        f"{short(frame)}{doing}",
        advice="restart" if view.hung else "wait",
        culprit=view.culprit(frame, thread),
        evidence=(f"locks.json#pid={holder.pid}", *((thread.reference,) if thread else ())),
        prevent=PREVENT,
    )


def _holder_now(view: View, points: list[LockPoint], holder: LockPoint) -> ThreadView | None:
    """The lock passes from hand to hand: whoever is inside the same block at the last look, else who held it then."""
    was = thread_of(view, holder)
    wanting = Counter(point.frame.function for point in points).most_common(1)[0][0]
    inside = [
        thread
        for thread in view.threads_of(holder.pid)
        if thread.wait.kind not in ("lock", "running")
        and any(frame.function == wanting for frame in thread.frames)
        and thread.frames[0].function != wanting
    ]
    return inside[0] if inside and (was is None or was.wait.kind == "lock") else was


def _changes_hands(view: View, points: list[LockPoint]) -> bool:
    waiters = [thread for point in points if (thread := thread_of(view, point)) is not None]
    return any(thread.moves for thread in waiters)
