"""Lines that begin a write transaction of a database and may leave it open. Pure; a guess from the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from watchdog.diagnosis import shape, suspects
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Frame, SourceFile

_EXECUTES = frozenset({"execute", "executemany", "executescript"})
_ENDS = frozenset({"commit", "rollback"})
_WRITES = re.compile(r"\s*(insert|update|delete|replace|begin\s+(immediate|exclusive))\b", re.IGNORECASE)
_BEGINS = re.compile(r"\s*begin\b", re.IGNORECASE)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def left_open(view: View, waiters: set[tuple[str, int]]) -> Frame | None:
    """The write that most likely keeps the lock although no call is in its function any more: in a generator that rests
    with the transaction open, else where nothing ends it, else where the function returns, or may fail, before that."""
    found = [
        (rank, Frame(function.name, source.path, node.lineno))
        for source in view.own_sources
        for function in ast.walk(shape.tree(source) or ast.Module([], []))
        if isinstance(function, _FUNCTIONS)
        for node, rank in _open(source, function)
        if (source.path, node.lineno) not in waiters
    ]
    return min(found, key=lambda one: one[0], default=(0, None))[1]


def _open(source: SourceFile, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[ast.Call, int]]:
    here = list(shape.own_nodes(function))
    calls = [node for node in here if isinstance(node, ast.Call)]
    rests = any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in here)
    ends = any(shape.called_name(call) in _ENDS for call in calls)
    safe = any(isinstance(node, ast.Try) and _gives_up(node) for node in here)
    writes = _BEGINS if _commits_by_itself(source) else _WRITES
    for call in calls:
        if not _is_begin(call) and not (shape.called_name(call) in _EXECUTES and _says(call, writes)):
            continue
        block = any(isinstance(one, (ast.With, ast.AsyncWith)) and shape.covers(one, call.lineno) for one in here)
        if rests:
            yield call, 0
        elif not block and not ends:
            yield call, 1
        elif not block and suspects.leaves_without(source, call.lineno, _ENDS):
            yield call, 2
        elif not block and not safe:
            yield call, 3


def _is_begin(call: ast.Call) -> bool:
    """`db.begin()`, with nothing that would end it by itself."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "begin"


def _gives_up(attempt: ast.Try) -> bool:
    """Whether an error in it ends the transaction: in a handler, or at the end of all paths."""
    parts = [*attempt.finalbody, *(one for handler in attempt.handlers for one in handler.body)]
    called = {shape.called_name(one) for part in parts for one in ast.walk(part) if isinstance(one, ast.Call)}
    return bool(called & (_ENDS | {"close"}))


def _says(call: ast.Call, what: re.Pattern[str]) -> bool:
    text = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    return isinstance(text, str) and bool(what.match(text))


def _commits_by_itself(source: SourceFile) -> bool:
    """Whether each statement is a transaction of its own here, unless one begins it."""
    return any("isolation_level=None" in text or "autocommit=True" in text for _, text in source.lines)
