"""A loop that goes round and comes back to the same state: it can never end. Pure.

The state of the loop is all that its variables hold. Where each round follows from these alone, a state that comes
again means that all which follows comes again as well. A computation that gets on never shows the same state twice.
"""

from __future__ import annotations

import ast
from collections import Counter

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import function, is_application
from watchdog.diagnosis.threads import Threads, ThreadView
from watchdog.model.evidence import Frame

_APART = 2.0  # seconds between the first and the last reading
_LEAST = 8  # readings
_FEW = 3  # different states: a job that is done again and again shows more
_SHARE = 0.6  # of the readings, in these states


def repeats(view: Threads, thread: ThreadView, frame: Frame) -> bool:
    """Whether the loop at this line was in the same few states all the time, while it ran through its lines."""
    return _is_loop_alone(view, thread, frame) and _moves(thread) and _same_states(view, thread, frame)


def may_repeat(view: Threads, thread: ThreadView, frame: Frame) -> bool:
    """Whether one more reading of the loop's variables would tell."""
    seen = _readings(view, thread, frame) if _is_loop_alone(view, thread, frame) else []
    return bool(seen) and not _are_enough(seen)


def _readings(view: Threads, thread: ThreadView, frame: Frame) -> list[tuple[float, str]]:
    """When the variables of the call were read, and their state then."""
    return [
        (look.at, one.digest)
        for look in view.evidence.tasks
        if look.pid == thread.pid
        for one in look.states
        if (one.tid, one.file) == (thread.tid, frame.file) and one.function.rpartition(".")[2] == function(frame)
    ]


def _are_enough(seen: list[tuple[float, str]]) -> bool:
    return len(seen) >= _LEAST and seen[-1][0] - seen[0][0] >= _APART


def _same_states(view: Threads, thread: ThreadView, frame: Frame) -> bool:
    seen = _readings(view, thread, frame)
    if not _are_enough(seen):
        return False
    usual = Counter(digest for _, digest in seen).most_common(_FEW)
    first, last = ({digest for at, digest in seen if at == when} for when in (seen[0][0], seen[-1][0]))
    # The thread is not stopped for the reading: some readings come out torn.
    return sum(count for _, count in usual) >= _SHARE * len(seen) and any(one in first & last for one, _ in usual)


def _is_loop_alone(view: Threads, thread: ThreadView, frame: Frame) -> bool:
    """Whether the line stands in a `while` whose rounds follow from its variables, and no other loop calls it."""
    source = view.file(frame.file)
    if source is None or source.changed_since_start:
        return False
    loops = shape.loops_around(source, frame.line)
    if not loops or not all(isinstance(one, ast.While) and shape.is_closed(one) for one in loops):
        return False
    names = [(one.file, one.function) for one in thread.work]
    here = names.index((frame.file, frame.function)) if (frame.file, frame.function) in names else 0
    callers = [(view.file(one.file), one.line) for one in thread.work[here + 1 :] if is_application(one)]
    return not any(file is None or shape.in_loop(file, line) for file, line in callers)


def _moves(thread: ThreadView) -> bool:
    """Whether it was seen in different places: one long call inside a round leaves the variables as they are, too."""
    return len({(one.frames[0].file, one.frames[0].line) for _, one in thread.complete_samples}) > 1
