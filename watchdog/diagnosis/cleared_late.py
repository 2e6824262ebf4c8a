"""An event that is cleared after somebody was asked to set it: it may have been set in between, and is lost. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from watchdog.diagnosis import shape
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Frame

_ASKS = frozenset({"set", "put", "put_nowait", "notify", "notify_all", "send", "submit", "call_soon_threadsafe"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def cleared_late(view: View, waiter: Frame) -> Frame | None:
    """The line that clears the event which the waiter's line waits for, behind a call that asks another part for it."""
    source = view.file(waiter.file)
    waits = shape.call_nodes_at(source, waiter.line) if source else ()
    waited = {name for call in waits for name in _owner(call, "wait")}
    for own in view.own_sources if waited else ():
        for function in ast.walk(shape.tree(own) or ast.Module([], [])):
            for node in _calls(function) if isinstance(function, _FUNCTIONS) else ():
                if any(name in waited and _asks_before(function, node, name) for name in _owner(node, "clear")):
                    return Frame(function.name, own.path, node.lineno)  # type: ignore[attr-defined]
    return None


def _asks_before(function: ast.AST, clears: ast.Call, name: str) -> bool:
    before = (one for one in _calls(function) if one.lineno < clears.lineno and shape.called_name(one) in _ASKS)
    return any(isinstance(one.func, ast.Attribute) and shape.last_name(one.func.value) != name for one in before)


def _calls(function: ast.AST) -> Iterator[ast.Call]:
    return (one for one in ast.walk(function) if isinstance(one, ast.Call))


def _owner(call: ast.Call, method: str) -> Iterator[str]:
    """ "loaded" of `self.loaded.wait()`."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == method:
        yield shape.last_name(call.func.value)
