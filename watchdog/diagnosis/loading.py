"""Whether memory grows because the program loads something: a loop that ends by itself fills the variable. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import function, is_application
from watchdog.diagnosis.tasks import answers_request
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Frame
from watchdog.model.finding import Culprit

# What these return has an end; a call of anything else may be a consumer that goes on for ever.
_END = frozenset({
    "range", "sorted", "list", "tuple", "set", "dict", "items", "keys", "values", "split", "splitlines", "readlines",
    "listdir", "scandir", "iterdir", "glob", "rglob", "walk", "open", "fetchall", "loads", "load", "read_text",
})  # fmt: skip
_ENDLESS = frozenset({"count", "cycle", "repeat", "iter", "listen", "consume", "subscribe"})
_YOUNG = 600.0  # seconds: what a program loads, it loads early
_WRAP = frozenset({"enumerate", "reversed", "zip", "tqdm", "batched", "islice"})  # as long as the first that they get
_DISPLAYS = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp, ast.Constant)


def ends(view: View, filled_at: Culprit) -> bool | None:
    """Whether a thread or task that serves no request stands in the function of this line, and each loop that it is in
    there, and on the way there, has an end. None: a young program does so, and of a loop it cannot be told."""
    found: set[bool | None] = set()
    for frames in _at_work(view):
        if (inner := _index(frames, filled_at)) is not None:
            loops = list(_ends_of(view, filled_at, frames[inner + 1 :]))
            found.add(False if not loops or False in loops else None if None in loops else True)
    if True in found:
        return True
    return None if None in found and _is_young(view) else False


def _is_young(view: View) -> bool:
    tree = view.evidence.tree
    return tree is not None and view.evidence.taken - tree.root.started < _YOUNG


def _at_work(view: View) -> Iterator[tuple[Frame, ...]]:
    """The calls of each thread and task that serves no request, innermost first."""
    for thread in view.python_threads:
        if not thread.serves_request:
            yield thread.frames
    for look in view.tasks:
        for task in look.tasks:
            if not answers_request(task):
                yield tuple(reversed(task.frames))


def _index(frames: Sequence[Frame], place: Culprit) -> int | None:
    name = place.function.rpartition(".")[2]
    found = [at for at, one in enumerate(frames) if (one.file, function(one)) == (place.file, name)]
    return found[0] if found else None


def _ends_of(view: View, filled_at: Culprit, callers: Sequence[Frame]) -> Iterator[bool | None]:
    """Of each loop around the line, and around the calls that lead to its function, whether it has an end."""
    lines = [Frame(filled_at.function, filled_at.file, filled_at.line), *callers]
    for place in lines:
        source = view.file(place.file) if is_application(place) else None
        if source is not None:
            for loop in shape.loops_around(source, place.line):
                yield _has_end(loop.iter) if isinstance(loop, ast.For) else False


def _has_end(iterated: ast.expr) -> bool | None:
    """None: it may be the rows of a file, and the messages of a queue."""
    if isinstance(iterated, _DISPLAYS):
        return True
    if not isinstance(iterated, ast.Call):
        return None
    name = shape.called_name(iterated)
    if name in _WRAP:
        return _has_end(iterated.args[0]) if iterated.args else None
    return True if name in _END else False if name in _ENDLESS else None
