"""Answers get slower as state grows: the same function computes longer and longer over what has been kept."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import is_application
from watchdog.diagnosis.holdings import only_grows
from watchdog.diagnosis.suspects import GROWS
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.evidence import Answer, Frame, SourceFile
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

_SLOW = 0.1  # of the limit
PREVENT = (
    "Bound what the function goes over (keep the last N, an index, a summary), or compute it once and keep the "
    "result; clear the state when its owner leaves."
)

_WHOLE = frozenset({"sorted", "sum", "max", "min", "any", "all", "list", "tuple", "set", "dict", "dumps",
                    "join", "deepcopy", "copy", "Counter", "enumerate", "zip", "map", "filter"})  # fmt: skip


def rule(view: View) -> Iterator[Finding]:
    slow = [answer for answer in (*view.answered, *view.late) if answer.seconds > view.limit * _SLOW]
    if not (slow or view.hung):
        return
    for thread in view.python_threads:
        frame = next(iter(_calls(thread)), None)
        if frame is None or not _keeps_busy(view, thread.pid, frame) or not (slow or view.hung):
            continue
        if view.hung and not ends_with_kept_state(view, thread):
            continue
        kept, over = _kept_state(view, thread)
        rising = len(slow) >= 3 and slow[-1].seconds > 1.3 * slow[0].seconds
        if not kept and not rising:
            continue
        if not (view.slow or view.hung or only_grows(view, kept)):
            continue
        guilty = over or _loops_over(view, thread) or frame
        yield Finding(
            cause="slow-degradation",
            certainty="likely" if kept else "guess",
            summary=f"an answer takes {_longest(view, slow)}, nearly all of it in {short(guilty)}"
            + (f", which goes over {kept!r}: that only grows" if kept else "; each takes longer than the one before"),
            culprit=view.culprit(guilty, thread),
            evidence=(thread.reference, "questions.json"),
            prevent=PREVENT,
        )
        return


def _keeps_busy(view: View, pid: int, place: Frame) -> bool:
    """Whether the process computes in this function most of the time, whichever thread: each question may meet another
    one, and there are pauses between the questions."""
    threads = [(one.running, _calls(one)) for one in view.threads_of(pid)]
    here = sum(
        share
        for share, calls in threads
        if any(frame.file == place.file and frame.function == place.function for frame in calls)
    )
    return here >= 0.25 and here >= 0.5 * sum(share for share, calls in threads if calls)


def _longest(view: View, slow: list[Answer]) -> str:
    return f"more than {format_duration(view.waited)}" if view.hung else format_duration(slow[-1].seconds)


def ends_with_kept_state(view: View, thread: ThreadView) -> bool:
    """Whether what it computes comes to an end, however late: it goes once over what is kept, by `for`, and no `while`
    is around that."""
    loops: list[ast.AST] = []
    opened: dict[str, str] = {}
    for frame in _calls(thread):
        source = view.file(frame.file)
        loops += shape.loops_around(source, frame.line) if source else []
        opened |= _opened(shape.function_at(source, frame.line)) if source else {}
    kept, _ = _kept_state(view, thread)
    over = [
        name
        for loop in loops
        if isinstance(loop, (ast.For, ast.AsyncFor))
        for name in _with_files(_names(ast.unparse(loop.iter)), opened)
    ]
    endless = any(isinstance(loop, ast.While) for loop in loops)
    return bool(kept) and not endless and any(name.rpartition(".")[2] == kept for name in over)


def _calls(thread: ThreadView) -> list[Frame]:
    """Frames of the application that were there in at least half of the looks, innermost first."""
    found = []
    for frame in thread.busiest:
        if is_application(frame):
            found.append(frame)
    return found


def _kept_state(view: View, thread: ThreadView) -> tuple[str, Frame | None]:
    """A name that one of the busy functions goes over, and that some other function of the file adds to."""
    for frame in _calls(thread):
        source = view.file(frame.file)
        node = shape.function_at(source, frame.line) if source else None
        if source is None or node is None or isinstance(node, ast.Module):
            continue
        over = {ast.unparse(part) for one in ast.walk(node) for part in _gone_over(one)}
        opened = _opened(node)
        names = {name.rpartition(".")[2] for text in over for name in _with_files(_names(text), opened)}
        grown = shape.grown_names(source, GROWS) | _appended(source)
        for name in sorted(names & grown):
            return name, frame
    return "", None


def _gone_over(node: ast.AST) -> list[ast.expr]:
    """What is gone over from one end to the other here: in a loop, by `in`, by a function that needs all of it."""
    if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        return [node.iter]
    if isinstance(node, ast.Compare):
        return [
            right for op, right in zip(node.ops, node.comparators, strict=True) if isinstance(op, (ast.In, ast.NotIn))
        ]
    if isinstance(node, ast.Call):
        name = shape.called_name(node)
        if name in _WHOLE:
            return list(node.args)
        if isinstance(node.func, ast.Attribute) and name in ("index", "count", "remove", "copy", "sort", "insert"):
            return [node.func.value]
    return []


def _opened(function: ast.AST | None) -> dict[str, str]:
    """Files by the name that the function gives them: {"lines": "journal"} for `with open(journal) as lines`."""
    found = {}
    for node in ast.walk(function) if function else ():
        bound = [(one.optional_vars, one.context_expr) for one in getattr(node, "items", ())]
        bound += [(target, node.value) for target in node.targets] if isinstance(node, ast.Assign) else []
        for name, value in bound:
            if isinstance(name, ast.Name) and isinstance(value, ast.Call) and (file := _file_of(value)):
                found[name.id] = file
    return found


def _file_of(call: ast.Call) -> str:
    """What `open(journal)` or `journal.open()` opens; empty for another call."""
    if shape.called_name(call) != "open":
        return ""
    if isinstance(call.func, ast.Attribute):
        return ast.unparse(call.func.value)
    return ast.unparse(call.args[0]) if call.args else ""


def _with_files(names: set[str], opened: dict[str, str]) -> set[str]:
    return names | {opened[name] for name in names if name in opened}


def _appended(source: SourceFile) -> set[str]:
    """Names of the files that the code opens to write at their end."""
    module = shape.tree(source)
    calls = [one for one in ast.walk(module) if isinstance(one, ast.Call)] if module else []
    return {
        _file_of(one).rpartition(".")[2]
        for one in calls
        if _file_of(one) and any(str(getattr(value, "value", "")).startswith("a") for value in _modes(one))
    }


def _modes(call: ast.Call) -> list[ast.expr]:
    places = call.args[:1] if isinstance(call.func, ast.Attribute) else call.args[1:2]
    return [*places, *(one.value for one in call.keywords if one.arg == "mode")]


def _names(text: str) -> set[str]:
    """Names in an expression, without what is called on them: "self.turns[-5:]" is "self.turns"."""
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return set()
    return {ast.unparse(one) for one in ast.walk(tree) if isinstance(one, (ast.Name, ast.Attribute))}


def _loops_over(view: View, thread: ThreadView) -> Frame | None:
    """The innermost busy function that itself goes round: what it calls is small, the many rounds are the trouble."""
    for frame in _calls(thread):
        source = view.file(frame.file)
        if source is not None and shape.in_loop(source, frame.line):
            return frame
    return None
