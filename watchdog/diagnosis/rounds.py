"""A loop that goes round and comes back to the same state: it can never end. Pure.

The state of the loop is all that its variables hold. Where each round follows from these alone, a state that comes
again means that all which follows comes again as well. A computation that gets on never shows the same state twice.
A variable that is only counted up or collected into is left out: a walk around a circle may count its steps.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import function, is_application
from watchdog.diagnosis.threads import Threads, ThreadView
from watchdog.model.call_state import CallState
from watchdog.model.evidence import Frame

_APART = 2.0  # seconds between the first and the last reading
_LEAST, _MANY = 8, 60  # readings: for a few states, and for a round through hundreds
_FEW = 3  # different states: a job that is done again and again shows more
_SHARE = 0.6  # of the readings, in these states
_ONE_CALL = 0.9  # of the readings, in one and the same call
_AGAIN = 3  # states that came again: the thread is not stopped for the reading, and some come out torn

_PYTHONS = frozenset({"len", "isinstance", "getattr", "hasattr", "min", "max", "abs", "bool", "int", "str", "id"})

Readings = Sequence[tuple[float, CallState]]


def repeats(view: Threads, thread: ThreadView, frame: Frame) -> bool:
    """Whether the loop at this line came back to the same states, while it ran through its lines."""
    if not _is_loop_alone(view, thread, frame) or not _moves(thread):
        return False
    seen = _readings(view, thread, frame)
    return _are_enough(seen) and (_stays_in_few_states(seen) or _comes_again(seen))


def may_repeat(view: Threads, thread: ThreadView, frame: Frame, patient: bool = False) -> bool:
    """Whether one more reading of the loop's variables would tell. `patient`: also of a round through many states."""
    seen = _readings(view, thread, frame) if _is_loop_alone(view, thread, frame) else []
    return bool(seen) and not (_are_enough(seen, _MANY if patient else _LEAST) or repeats(view, thread, frame))


def gets_on(view: Threads, thread: ThreadView, frame: Frame) -> bool:
    """Whether the computation is known to come nearer to its end: it goes through given things one by one, or no state
    of its loop was seen twice."""
    source = view.file(frame.file)
    loops = shape.loops_around(source, frame.line) if source is not None and not source.changed_since_start else []
    if loops and not any(isinstance(one, ast.While) for one in loops):
        return True
    seen = _readings(view, thread, frame)
    return len(seen) >= _MANY and not _seen_again(seen)


def _readings(view: Threads, thread: ThreadView, frame: Frame) -> Readings:
    """When the variables of the call were read, and their state then."""
    seen = [
        (look.at, one)
        for look in view.evidence.tasks
        if look.pid == thread.pid
        for one in look.states
        if (one.tid, one.file) == (thread.tid, frame.file) and one.function.rpartition(".")[2] == function(frame)
    ]
    source = view.file(frame.file)
    loops = shape.loops_around(source, frame.line) if source is not None else []
    idle = shape.only_counted(loops[0]) if len(loops) == 1 and isinstance(loops[0], ast.While) else frozenset()
    same = all(isinstance(one, ast.While) and _changes_nothing(view, one) for one in loops) and bool(loops)
    if not same and all(name not in idle for _, one in seen for name, _ in one.variables):
        return [(at, one) for at, one in seen if one.digest]
    needed = ((at, replace(one, digest=_without(one, idle, same))) for at, one in seen)
    return [(at, one) for at, one in needed if one.digest]


def _changes_nothing(view: Threads, loop: ast.While) -> bool:
    return shape.changes_nothing((loop.test, *loop.body), partial(_only_reads, view))


def _only_reads(view: Threads, call: ast.Call, depth: int = 3) -> bool:
    """Whether what is called is a function of the application that changes nothing, or one of Python's."""
    name = shape.called_name(call)
    if isinstance(call.func, ast.Name) and name in _PYTHONS:
        return True
    own = [one for source in view.own_sources if (one := shape.function_named(source, name)) is not None]
    if len(own) != 1 or not depth or isinstance(own[0], ast.AsyncFunctionDef):
        return False
    return shape.changes_nothing(own[0].body, partial(_only_reads, view, depth=depth - 1))


def _without(one: CallState, idle: frozenset[str], same: bool) -> str:
    """The digest without these variables; empty where another one is not known. `same`: which objects they are tells
    all, as nothing changes in any."""
    needed = [value for name, value in one.variables if name not in idle]
    known = same or not any(value.startswith("@") for value in needed)
    return "/".join((one.around, *needed)) if known and needed else ""


def _are_enough(seen: Readings, least: int = _LEAST) -> bool:
    return len(seen) >= least and seen[-1][0] - seen[0][0] >= _APART


def _stays_in_few_states(seen: Readings) -> bool:
    usual = Counter(one.digest for _, one in seen).most_common(_FEW)
    first, last = ({one.digest for at, one in seen if at == when} for when in (seen[0][0], seen[-1][0]))
    # The thread is not stopped for the reading: some readings come out torn.
    return sum(count for _, count in usual) >= _SHARE * len(seen) and any(one in first & last for one, _ in usual)


def _comes_again(seen: Readings) -> bool:
    """Whether one and the same call went on to other states and came back. The same work done again is another call:
    the calls around it hold the number of another job, or the address of another client."""
    calls = Counter(one.call for _, one in seen)
    return calls.most_common(1)[0][1] >= _ONE_CALL * len(seen) and len(_seen_again(seen)) >= _AGAIN


def _seen_again(seen: Readings) -> list[str]:
    """States that were left for another one and came again. One that lasts, or comes out torn now and then, is not
    among them: of two states of a computation that gets on, one is over before the other one begins."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for place, (_, one) in enumerate(seen):
        first.setdefault(one.digest, place)
        last[one.digest] = place
    twice = [one for one in first if first[one] < last[one]]
    return [
        one
        for one in twice
        if any(other != one and first[other] < last[one] and first[one] < last[other] for other in twice)
    ]


def _is_loop_alone(view: Threads, thread: ThreadView, frame: Frame) -> bool:
    """Whether the line stands in a `while` whose rounds follow from its variables, and no other loop calls it."""
    source = view.file(frame.file)
    if source is None or source.changed_since_start:
        return False
    loops = shape.loops_around(source, frame.line)
    harmless = partial(_only_reads, view)
    if not loops or not all(isinstance(one, ast.While) and shape.is_closed(one, harmless) for one in loops):
        return False
    names = [(one.file, one.function) for one in thread.work]
    here = names.index((frame.file, frame.function)) if (frame.file, frame.function) in names else 0
    callers = [(view.file(one.file), one.line) for one in thread.work[here + 1 :] if is_application(one)]
    return not any(file is None or shape.in_loop(file, line) for file, line in callers)


def _moves(thread: ThreadView) -> bool:
    """Whether it was seen in different places: one long call inside a round leaves the variables as they are, too."""
    return len({(one.frames[0].file, one.frames[0].line) for _, one in thread.complete_samples}) > 1
