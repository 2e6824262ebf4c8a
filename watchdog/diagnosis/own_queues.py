"""Queues between the application's own threads: whether anybody is left who takes from one. Pure."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import at_place
from watchdog.diagnosis.view import ThreadView, View

_PUT = ("queue.py:put",)
_TAKES = frozenset({"get", "get_nowait"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_MODULE = "<module>"


def is_left_full(view: View, thread: ThreadView) -> bool:
    """Whether it waits for a place in a full queue that no living thread or task takes from.

    The source must show a consumer: a function that calls `get` on what has the same last name. The queue may have
    other names elsewhere, and a consumer may be at work between two calls. So nothing is said while any function runs
    that takes from a queue of any name, or calls one that does.
    """
    if thread.app_frame is None or view.inside_unread or not any(at_place(one, _PUT) for one in thread.frames):
        return False
    source = view.file(thread.app_frame.file)
    places = shape.around(source, thread.app_frame.line) if source else ()
    names = {
        shape.last_name(node.value)
        for place in places
        for node in ast.walk(place)
        if isinstance(node, ast.Attribute) and node.attr == "put" and node.lineno == thread.app_frame.line
    }
    bodies: defaultdict[str, list[ast.stmt]] = defaultdict(list)
    for one in view.evidence.sources:
        for name, body in _parts(shape.tree(one)):
            bodies[name] += body
    takes = {name: set(taken_from(body)) for name, body in bodies.items()}
    if not any(names & taken for taken in takes.values()):
        return False
    return not _with_callers({name for name, taken in takes.items() if taken}, bodies) & _running(view, thread.pid)


def _running(view: View, pid: int) -> set[str]:
    """Functions that its threads and tasks are in."""
    calls = [one.frames for one in view.threads_of(pid)]
    calls += [task.frames for look in view.tasks if look.pid == pid for task in look.tasks]
    return {frame.function.rpartition(".")[2] for frames in calls for frame in frames}


def _parts(module: ast.Module | None) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Each function by its name, and what the module does itself."""
    if module is not None:
        yield _MODULE, [one for one in module.body if not isinstance(one, (*_FUNCTIONS, ast.ClassDef))]
        yield from ((node.name, node.body) for node in ast.walk(module) if isinstance(node, _FUNCTIONS))


def taken_from(body: list[ast.stmt]) -> Iterator[str]:
    """The last name of each queue that something is taken from: `self.backlog.get` is `backlog`. A `get` with a
    key asks a mapping."""
    nodes = [node for one in body for node in ast.walk(one)]
    asked = {id(node.func) for node in nodes if isinstance(node, ast.Call) and any(map(_is_key, node.args))}
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr in _TAKES and id(node) not in asked:
            yield shape.last_name(node.value)


def _is_key(argument: ast.expr) -> bool:
    """Whether it is neither "wait or not" nor a number of seconds."""
    return not (isinstance(argument, ast.Constant) and isinstance(argument.value, (bool, int, float, type(None))))


def _with_callers(names: set[str], bodies: Mapping[str, list[ast.stmt]]) -> set[str]:
    """These functions, and all that call them, directly or through others."""
    called = {
        name: {shape.called_name(node) for one in body for node in ast.walk(one) if isinstance(node, ast.Call)}
        for name, body in bodies.items()
    }
    while more := {name for name, calls in called.items() if calls & names} - names:
        names = names | more
    return names
