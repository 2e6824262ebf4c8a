"""Queues between the application's own threads: whether anybody is left who takes from one. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import at_place
from watchdog.diagnosis.view import ThreadView, View

_PUT = ("queue.py:put",)
_TAKES = frozenset({"get", "get_nowait"})
_PUTS = frozenset({"put"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def is_left_full(view: View, thread: ThreadView) -> bool:
    """Whether it waits for a place in a full queue that no living thread takes from.

    Those who take are known by the source: functions that call `get` on what has the same last name. Where none is
    found, the queue may have another name there, and nothing is said.
    """
    if thread.app_frame is None or view.inside_unread or not any(at_place(one, _PUT) for one in thread.frames):
        return False
    source = view.file(thread.app_frame.file)
    places = shape.around(source, thread.app_frame.line) if source else ()
    names = {name for place in places for name, line in _owners(place, _PUTS) if line == thread.app_frame.line}
    takers = {
        (one.path, function.name)
        for one in view.evidence.sources
        for function in _functions(shape.tree(one))
        if names & {name for name, _ in _owners(function, _TAKES)}
    }
    return bool(takers) and not takers & {
        (frame.file, frame.function.rpartition(".")[2])
        for other in view.threads_of(thread.pid)
        for frame in other.frames
    }


def _functions(module: ast.Module | None) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in (ast.walk(module) if module else ()) if isinstance(node, _FUNCTIONS))


def _owners(node: ast.AST, methods: frozenset[str]) -> Iterator[tuple[str, int]]:
    """The last name of what such a method is used of, and in which line: `self.backlog.get` is `backlog`."""
    for one in ast.walk(node):
        if isinstance(one, ast.Attribute) and one.attr in methods:
            yield shape.last_name(one.value), one.lineno
