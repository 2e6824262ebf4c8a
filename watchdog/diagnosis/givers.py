"""Whether somebody is alive who may give what a thread waits for: a result, a sign, its own end. Pure.

Who gives it need not hold it: it may look it up at the end of its work. So anybody who works may be the one, and only
those who wait for such a thing themselves, or for a lock that one of these holds, cannot be.
"""

from __future__ import annotations

import ast

from watchdog.diagnosis import posts, shape
from watchdog.diagnosis.locking import graph, who
from watchdog.diagnosis.view import ThreadView, View
from watchdog.model.evidence import Frame

GIVEN = ("future", "event", "queue", "join")
_TAKES = frozenset({"get", "get_nowait", "pop", "popleft", "heappop", "take", "recv", "receive", "dequeue"})


def may_be_given(view: View, waiter: ThreadView) -> bool:
    """Whether another thread of the process, or a child of it, is in the middle of work.

    A child gives results, and no signs. Its calls cannot always be read: one that computes may be doing that work.
    """
    if threads_at_work(view, waiter):
        return True
    if waiter.wait.kind != "future":
        return False
    children = (pid for pid in view.processes if view.is_child(pid, waiter.pid))
    return any(view.works_for_pool(pid) or view.is_at_work(pid) for pid in children)


def threads_at_work(view: View, waiter: ThreadView) -> list[ThreadView]:
    """The other threads of its process that are in the middle of work, and may give it in the end."""
    alike = _waiting_alike(view, waiter)
    return [one for one in view.threads_of(waiter.pid) if one not in alike and _works(view, one)]


def _waiting_alike(view: View, waiter: ThreadView) -> set[ThreadView]:
    """The waiter, and the threads of its process that stand still for something that another thread must give first."""
    same = [one for one in view.stuck_threads if one.pid == waiter.pid and not one.moves]
    found = {waiter, *(one for one in same if one.wait.kind in GIVEN and not one.is_bounded)}
    locks = graph(view.evidence.locks)
    while True:
        ids = {(one.pid, one.tid) for one in found}
        more = {
            one
            for one in same
            if one not in found
            and (wish := locks.wanted.get((one.pid, one.tid))) is not None
            and (holder := locks.holder(wish)) is not None
            and who(holder) in ids
        }
        if not more:
            return found
        found |= more


def _works(view: View, thread: ThreadView) -> bool:
    if posts.in_work_item(thread.frames):
        return True
    if thread.is_idle or thread.is_event_loop or thread.app_frame is None:
        return False
    if not thread.waits_for_work:
        return True
    return thread.wait.kind == "sleep" and any(_has_taken(view, one) for one in thread.work)


def _has_taken(view: View, frame: Frame) -> bool:
    """Whether the call is in a loop that takes one piece of work after the other, and now does one. A pause because
    there is none stands under a condition, or handles an error."""
    source = view.file(frame.file)
    loop = shape.innermost_loop(source, frame.line) if source else None
    if source is None or loop is None:
        return False
    around = shape.around(source, frame.line)
    if any(isinstance(one, ast.ExceptHandler | ast.If) for one in around[around.index(loop) :]):
        return False
    taken = (node for node in ast.walk(loop) if isinstance(node, ast.Call) and shape.called_name(node) in _TAKES)
    return any(not shape.covers(node, frame.line) for node in taken)
