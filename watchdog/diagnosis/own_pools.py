"""Pools that the application made itself: a container or a count that is taken from under a condition. Pure.

A mailbox is waited for in the same way. What tells a pool is that it holds something from the start, or that whoever
takes from it puts back what he took.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import is_application
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Frame, SourceFile
from watchdog.model.finding import Culprit

MAKES = ("__init__", "__post_init__", "<module>")
_TAKES = frozenset({"pop", "popleft", "popitem", "heappop"})
_PUTS = frozenset({"append", "appendleft", "add", "extend", "insert", "put", "put_nowait", "heappush", "update"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_EMPTY = frozenset({"defaultdict", "Queue", "LifoQueue", "PriorityQueue", "SimpleQueue", "Lock", "Condition"})


def is_pool(view: View, waiter: Frame) -> bool:
    """Whether the function of this line waits until there is something in a pool of the application's own."""
    source = view.file(waiter.file)
    taker = shape.function_at(source, waiter.line) if source else None
    if source is None or not isinstance(taker, _FUNCTIONS):
        return False
    kept = set(_taken(taker))
    return (
        _filled(source, kept) or _limited(source, taker, waiter.line) or bool(kept and _returned(view, source, taker))
    )


def is_filled_queue(view: View, taker: Frame) -> bool:
    """Whether the queue that this line takes from holds something from the start: things to use, and no mail."""
    source = view.file(taker.file)
    if source is None:
        return False
    taken = {
        ast.unparse(node.func.value)
        for place in shape.around(source, taker.line)
        for node in ast.walk(place)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.lineno == taker.line
        if node.func.attr in ("get", "get_nowait")
    }
    return any(owner in taken for owner in _put_when_made(source))


def unreturned(view: View, waiter: Frame) -> Culprit | None:
    """Who takes from the pool that the waiter's function guards, and does not give back on every path."""
    source = view.file(waiter.file)
    taker = shape.function_at(source, waiter.line) if source else None
    if source is None or not isinstance(taker, _FUNCTIONS):
        return None
    givers = frozenset(_givers(source, taker))
    unsafe = []
    for file, function, call in _callers(view, taker.name):
        made = {shape.called_name(one) for one in ast.walk(function) if isinstance(one, ast.Call)}
        if givers and not shape.in_finally(file, call.lineno, givers):
            unsafe.append((bool(made & givers), Frame(function.name, file.path, call.lineno)))
    unsafe.sort(key=lambda one: one[0])  # those that never give back first
    return view.culprit(unsafe[0][1]) if unsafe else None


def lost_notice(view: View, waiter: Frame) -> Frame | None:
    """The line to blame where a place must be free, and whoever waits for it was not notified: everybody who takes one
    gives it back on every path, and nobody is between the two. None where somebody may have a place."""
    source = view.file(waiter.file)
    taker = shape.function_at(source, waiter.line) if source else None
    if source is None or not isinstance(taker, _FUNCTIONS):
        return None
    givers = frozenset(_givers(source, taker))
    users = list(_callers(view, taker.name))
    if not givers or not users or not all(shape.in_finally(file, call.lineno, givers) for file, _, call in users):
        return None
    names = {(file.path, function.name) for file, function, _ in users}
    calls = [one.frames for one in view.python_threads]
    calls += [task.frames for look in view.tasks for task in look.tasks]
    for frames in calls:
        inside = {(frame.file, frame.function.rpartition(".")[2]) for frame in frames}
        if inside & names and (source.path, taker.name) not in inside:
            return None
    return _silent(source, givers) or waiter


def _silent(source: SourceFile, givers: frozenset[str]) -> Frame | None:
    """The line at which a giver decides not to notify, or gives without a notice."""
    module = shape.tree(source)
    for function in ast.walk(module) if module else ():
        if not isinstance(function, _FUNCTIONS) or function.name not in givers:
            continue
        tests = [
            one for one in ast.walk(function) if isinstance(one, ast.If) and any(_notifies(part) for part in one.body)
        ]
        if tests:
            return Frame(function.name, source.path, tests[0].lineno)
        if not _notifies(function):
            given = [
                one.lineno for one in ast.walk(function) if isinstance(one, ast.AugAssign | ast.Call) and _gives(one)
            ]
            return Frame(function.name, source.path, max(given, default=function.lineno))
    return None


def _gives(node: ast.AugAssign | ast.Call) -> bool:
    return isinstance(node, ast.AugAssign) or shape.called_name(node) in _PUTS


def _notifies(node: ast.AST) -> bool:
    calls = (shape.called_name(one) for one in ast.walk(node) if isinstance(one, ast.Call))
    return any(name in ("notify", "notify_all", "notifyAll") for name in calls)


def _taken(function: ast.AST) -> Iterator[str]:
    """What the function takes something out of."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and shape.called_name(node) in _TAKES:
            if isinstance(node.func, ast.Attribute) and shape.called_name(node) != "heappop":
                yield ast.unparse(node.func.value)
            elif node.args:
                yield ast.unparse(node.args[0])


def _filled(source: SourceFile, kept: set[str]) -> bool:
    """Whether one of these holds something as soon as it is made."""
    return any(ast.unparse(target) in kept and not _is_empty(value) for target, value in _made(source)) or any(
        owner in kept for owner in _put_when_made(source)
    )


def _made(source: SourceFile) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Assignments where something is made: (target, value)."""
    for function in _makers(source):
        for node in _statements(function):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                        yield from zip(target.elts, node.value.elts, strict=False)
                    yield target, node.value
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                yield node.target, node.value


def _put_when_made(source: SourceFile) -> Iterator[str]:
    for function in _makers(source):
        for node in _statements(function):
            if isinstance(node, ast.Call) and shape.called_name(node) in _PUTS:
                if isinstance(node.func, ast.Attribute) and shape.called_name(node) != "heappush":
                    yield ast.unparse(node.func.value)
                elif node.args:
                    yield ast.unparse(node.args[0])


def _makers(source: SourceFile) -> Iterator[ast.AST]:
    module = shape.tree(source)
    if module is not None:
        yield module
        yield from (one for one in ast.walk(module) if isinstance(one, _FUNCTIONS) and one.name in MAKES)


def _statements(function: ast.AST) -> Iterator[ast.AST]:
    """What is done in it, not in functions that it only defines."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, (*_FUNCTIONS, ast.Lambda, ast.ClassDef)):
            yield child
            yield from _statements(child)


def _is_empty(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        arguments = [one for one in value.args if not _is_empty(one)]
        return not arguments or shape.called_name(value) in _EMPTY
    if isinstance(value, (ast.List, ast.Tuple, ast.Set)):
        return not value.elts
    if isinstance(value, ast.Dict):
        return not value.keys
    return isinstance(value, ast.Constant) and not value.value


def _limited(source: SourceFile, taker: ast.AST, line: int) -> bool:
    """Whether it counts what is out against a limit, or down from one: `while self.used >= self.size: wait()`."""
    for test in _tests(taker, line):
        sides = [test.left, *test.comparators] if isinstance(test, ast.Compare) else [test]
        for node in ast.walk(taker):
            if not isinstance(node, ast.AugAssign) or ast.unparse(node.target) not in map(ast.unparse, sides):
                continue
            if isinstance(node.op, ast.Sub) and _filled(source, {ast.unparse(node.target)}):
                return True
            limits = [one for one in sides if ast.unparse(one) != ast.unparse(node.target)]
            if isinstance(node.op, ast.Add) and limits and not any(_is_empty(one) for one in limits):
                return True
    return False


def _tests(taker: ast.AST, line: int) -> Iterator[ast.expr]:
    """What it waits for: the head of the loop around the line, or what the waiting call on the line is given."""
    for node in ast.walk(taker):
        found: ast.expr | None = None
        if isinstance(node, ast.While) and shape.covers(node, line):
            found = node.test
        elif isinstance(node, ast.Call) and shape.covers(node, line):
            found = next((one.body for one in node.args if isinstance(one, ast.Lambda)), None)
        while isinstance(found, ast.UnaryOp):
            found = found.operand
        if found is not None:
            yield found


def _returned(view: View, source: SourceFile, taker: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether somebody who calls the taker puts back what he got from it."""
    givers = _givers(source, taker)
    for _, function, call in _callers(view, taker.name):
        names = {
            ast.unparse(target)
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and call in ast.walk(node.value)
            for target in node.targets
        }
        for node in ast.walk(function):
            if (
                isinstance(node, ast.Call)
                and shape.called_name(node) in givers
                and names & set(map(ast.unparse, node.args))
            ):
                return True
    return False


def _givers(source: SourceFile, taker: ast.AST) -> set[str]:
    """Functions of the file that put something where the taker takes it from, count back what it counts, or release
    what it acquires."""
    kept, counted, acquired = set(_taken(taker)), set(_counted(taker)), set(_owners(taker, "acquire"))
    module = shape.tree(source)
    found = set()
    for function in ast.walk(module) if module else ():
        if isinstance(function, _FUNCTIONS) and function.name not in MAKES:
            for node in ast.walk(function):
                if (
                    isinstance(node, ast.Call)
                    and shape.called_name(node) in _PUTS
                    and isinstance(node.func, ast.Attribute)
                ):
                    puts = {ast.unparse(node.func.value), *map(ast.unparse, node.args[:1])}
                    found |= {function.name} if puts & kept else set()
            released = acquired & set(_owners(function, "release"))
            found |= {function.name} if released and function is not taker else set()
            found |= {function.name} if counted & set(_counted(function)) and function is not taker else set()
    return found


def _owners(function: ast.AST, method: str) -> Iterator[str]:
    """What the function calls this method of."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
            yield ast.unparse(node.func.value)


def _counted(function: ast.AST) -> Iterator[str]:
    return (ast.unparse(node.target) for node in ast.walk(function) if isinstance(node, ast.AugAssign))


def _callers(view: View, name: str) -> Iterator[tuple[SourceFile, ast.FunctionDef | ast.AsyncFunctionDef, ast.Call]]:
    """Functions that call this one and keep what it gives them; those that only hand it on are not users."""
    for source in view.evidence.sources:
        module = shape.tree(source) if is_application(Frame("", source.path, 0)) else None
        for function in ast.walk(module) if module else ():
            if not isinstance(function, _FUNCTIONS) or function.name == name:
                continue
            handed = {id(one) for node in ast.walk(function) if isinstance(node, ast.Return) for one in ast.walk(node)}
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and shape.called_name(node) == name and id(node) not in handed:
                    yield source, function, node
