"""Whether a server has been told to end: a call stands behind the place where it waits for that. Pure, by the source.

A signal's handler sets an event or a flag; who waits for it goes on to the end of the program. So a call that has come
past such a wait, or past the call that serves for ever, belongs to a server that ends, whatever else it still does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import is_application
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Frame, SourceFile

_ENDS = frozenset({"SIGTERM", "SIGINT", "SIGQUIT"})
_INSTALLS = frozenset({"signal", "add_signal_handler"})
_SERVES = frozenset({"serve_forever", "run_forever", "sigwait"})
_BOUNDED = frozenset({"join", "wait", "wait_for", "result", "acquire", "get", "timeout"})
_DEEP = 2  # calls from a handler to what it really does


def told_to_end(view: View, frame: Frame) -> bool:
    """Whether this call goes on behind such a wait."""
    source = view.file(frame.file) if is_application(frame) else None
    if source is None:
        return False
    return _is_behind(source, frame.line, _flags(view.evidence.sources))


@lru_cache(maxsize=1024)
def _is_behind(source: SourceFile, line: int, flags: frozenset[str]) -> bool:
    forks = _forks(source)
    return any(_passed(one, flags) for one in shape.before(source, line) if not _is_childs(one, forks))


def _is_childs(statement: ast.stmt, forks: frozenset[str]) -> bool:
    """Whether only a forked child does this: `if pid == 0:`, `if not pid:`."""
    if not isinstance(statement, ast.If):
        return False
    test = statement.test
    zero = isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq) and shape.is_constant(test.comparators[0])
    asked = test.left if isinstance(test, ast.Compare) and zero else test.operand if _is_not(test) else None  # type: ignore[attr-defined]
    return asked is not None and (shape.simple_name(asked) in forks or _is_fork(asked))


def _is_not(test: ast.expr) -> bool:
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def _is_fork(value: ast.AST) -> bool:
    return isinstance(value, ast.Call) and shape.called_name(value) == "fork"


@lru_cache(maxsize=64)
def _forks(source: SourceFile) -> frozenset[str]:
    """Names of variables that a fork has given its result."""
    module = shape.tree(source)
    made = (node for node in (ast.walk(module) if module else ()) if isinstance(node, ast.Assign))
    return frozenset(shape.simple_name(one) for node in made if _is_fork(node.value) for one in node.targets) - {""}


def waits_to_be_told(view: View, frame: Frame) -> bool:
    """Whether it still stands at such a wait: it ends when somebody says so."""
    source = view.file(frame.file)
    names = set(shape.calls_at(source, frame.line)) if source else set()
    flags = _flags(view.evidence.sources)
    nodes = [one for one in shape.around(source, frame.line) if isinstance(one, ast.stmt)] if source else []
    return bool(names & _SERVES) or any(_passed(node, flags) for node in nodes[-1:])


def bounded(view: View, frame: Frame) -> bool:
    """Whether the wait on this line has a time-out of its own, and is not begun again and again."""
    source = view.file(frame.file)
    return source is not None and _is_bounded(source, frame.line)


@lru_cache(maxsize=1024)
def _is_bounded(source: SourceFile, line: int) -> bool:
    if shape.in_loop(source, line):
        return False
    here = [
        node
        for statement in shape.around(source, line)[-3:]
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and shape.covers(node, line)
    ]
    return any(shape.simple_name(call.func) in _BOUNDED and bool(call.args or call.keywords) for call in here)


def _passed(statement: ast.stmt, flags: frozenset[str]) -> bool:
    for node in _own(statement):
        if isinstance(node, ast.While) and flags & {shape.simple_name(part) for part in ast.walk(node.test)}:
            return True
        if not isinstance(node, ast.Call):
            continue
        if shape.simple_name(node.func) in _SERVES:
            return True
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if (
            shape.simple_name(node.func) == "wait"
            and owner is not None
            and shape.simple_name(owner) in flags
            and not node.args
        ):
            return True
    return False


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all below it that is done with it: not what it only defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _own(child)


@lru_cache(maxsize=8)
def _flags(sources: tuple[SourceFile, ...]) -> frozenset[str]:
    """Names of the events and variables that a handler of such a signal sets."""
    own = [one for one in sources if is_application(Frame("", one.path, 0))]
    return frozenset(name for source in own for name in _of_file(source))


def _of_file(source: SourceFile) -> Iterator[str]:
    module = shape.tree(source)
    for node in ast.walk(module) if module else ():
        if isinstance(node, ast.Call) and module is not None and installs_ending(node):
            yield from _set_by(module, node.args[1], _DEEP)


def installs_ending(call: ast.Call) -> bool:
    """Whether the call gives a function to a signal that ends a program; a number in a variable may be one."""
    if shape.simple_name(call.func) not in _INSTALLS or len(call.args) < 2:
        return False
    number = shape.simple_name(call.args[0])
    return number in _ENDS or not number.startswith("SIG")


def _set_by(module: ast.Module, handler: ast.expr, deep: int) -> Iterator[str]:
    """What a handler sets: `stop.set`, a lambda or function that calls it or assigns, or a partial of one."""
    if isinstance(handler, ast.Attribute) and handler.attr == "set":
        yield shape.simple_name(handler.value)
        return
    if isinstance(handler, ast.Call) and handler.args:
        yield from _set_by(module, handler.args[0], deep)
        return
    bodies: list[ast.AST] = [handler.body] if isinstance(handler, ast.Lambda) else []
    name = shape.simple_name(handler)
    bodies += [one for one in ast.walk(module) if isinstance(one, ast.FunctionDef) and one.name == name]
    for node in (node for body in bodies for node in ast.walk(body)):
        if isinstance(node, ast.Assign):
            yield from filter(None, map(shape.simple_name, node.targets))
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute) and called.attr == "set":
                yield shape.simple_name(called.value)
            elif deep > 1:
                yield from _set_by(module, called, deep - 1)
