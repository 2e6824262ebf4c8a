"""Whether memory grows because the program loads something: a loop that ends by itself fills the variable. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import is_application
from watchdog.diagnosis.tasks import answers_request
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Frame
from watchdog.model.finding import Culprit

# What these return has an end; a call of anything else may be a consumer that goes on for ever.
_END = frozenset({
    "range", "sorted", "list", "tuple", "set", "dict", "items", "keys", "values", "split", "splitlines", "readlines",
    "listdir", "scandir", "iterdir", "glob", "rglob", "walk", "open", "fetchall", "loads", "load", "read_text",
})  # fmt: skip
_WRAP = frozenset({"enumerate", "reversed", "zip", "tqdm", "batched", "islice"})  # as long as the first that they get
_DISPLAYS = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp, ast.Constant)


def loads(view: View, filled_at: Culprit) -> bool:
    """Whether a thread or task that serves no request stands in the function of this line, and each loop that it is in
    there, and on the way there, has an end."""
    return any(
        all(loops) and bool(loops)
        for frames in _at_work(view)
        if (inner := _index(frames, filled_at)) is not None
        for loops in [list(_ends_of(view, filled_at, frames[inner + 1 :]))]
    )


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
    found = [at for at, one in enumerate(frames) if (one.file, one.function) == (place.file, place.function)]
    return found[0] if found else None


def _ends_of(view: View, filled_at: Culprit, callers: Sequence[Frame]) -> Iterator[bool]:
    """Of each loop around the line, and around the calls that lead to its function, whether it has an end."""
    lines = [Frame(filled_at.function, filled_at.file, filled_at.line), *callers]
    for place in lines:
        source = view.file(place.file) if is_application(place) else None
        if source is not None:
            for loop in shape.loops_around(source, place.line):
                yield isinstance(loop, ast.For) and _has_end(loop.iter)


def _has_end(iterated: ast.expr) -> bool:
    if isinstance(iterated, _DISPLAYS):
        return True
    if not isinstance(iterated, ast.Call):
        return False
    name = shape.called_name(iterated)
    if name in _WRAP:
        return bool(iterated.args) and _has_end(iterated.args[0])
    return name in _END
