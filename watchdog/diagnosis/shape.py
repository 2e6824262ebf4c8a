"""The shape of a piece of source: is a line in a loop, in which `with` blocks, what does it call. Pure."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from watchdog.model.evidence import SourceFile

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@lru_cache(maxsize=64)
def tree(source: SourceFile) -> ast.Module | None:
    """None where only a part of the file was kept, or it is not in our Python's grammar."""
    if not source.lines or source.lines[0][0] != 1 or source.lines[-1][0] != len(source.lines):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the server's own escapes are none of our business
            return ast.parse("\n".join(text for _, text in source.lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=4096)
def around(source: SourceFile, line: int) -> tuple[ast.AST, ...]:
    """Every node whose lines include this one, outermost first."""
    module = tree(source)
    if module is None:
        return ()
    found: list[ast.AST] = []
    node: ast.AST | None = module
    while node is not None:
        found.append(node)
        node = next((child for child in _parts(node) if covers(child, line)), None)
    return tuple(found)


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """Children with lines of their own; those that have none (arguments, operators) are looked through."""
    for child in ast.iter_child_nodes(node):
        if hasattr(child, "lineno"):
            yield child
        else:
            yield from _parts(child)


def covers(node: ast.AST, line: int) -> bool:
    first, last = getattr(node, "lineno", None), getattr(node, "end_lineno", None)
    return first is not None and last is not None and first <= line <= last


def statement_at(source: SourceFile, line: int) -> ast.stmt | None:
    """The innermost statement that holds the line."""
    return next((node for node in reversed(around(source, line)) if isinstance(node, ast.stmt)), None)


def function_at(source: SourceFile, line: int) -> ast.AST | None:
    """The innermost function that holds the line, or the module."""
    found = [node for node in around(source, line) if isinstance(node, (*_FUNCTIONS, ast.Module))]
    return found[-1] if found else None


def has_functions(source: SourceFile, calls: Iterable[tuple[int, str]]) -> bool:
    """Whether each of these calls (line, name of the function) can have been made in this file."""
    if tree(source) is None:
        return False
    found = ((name, function_at(source, line)) for line, name in calls if not name.startswith("<"))
    return all(getattr(node, "name", None) == name for name, node in found)


def function_named(source: SourceFile, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The function or method of that name, where the file has only one."""
    return _functions(source).get(name)


@lru_cache(maxsize=64)
def _functions(source: SourceFile) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef | None]:
    """By name; None where several functions have the same name."""
    found: dict[str, ast.FunctionDef | ast.AsyncFunctionDef | None] = {}
    for node in ast.walk(tree(source) or ast.Module([], [])):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found[node.name] = None if node.name in found else node
    return found


def in_loop(source: SourceFile, line: int) -> bool | None:
    """Whether the line is done again and again within its own function. None: the source does not tell."""
    nodes = around(source, line)
    if not nodes:
        return None
    inside = False
    for node in nodes:
        if isinstance(node, _FUNCTIONS):
            inside = False
        inside = inside or isinstance(node, (_LOOPS, _COMPREHENSIONS))
    return inside or any(isinstance(node, _COMPREHENSIONS) for node in _on_line(nodes, line))


def innermost_loop(source: SourceFile, line: int) -> ast.For | ast.AsyncFor | ast.While | None:
    """The loop that does this line again and again, within its own function."""
    return next((node for node in reversed(_within(source, line)) if isinstance(node, _LOOPS)), None)


def loops_around(source: SourceFile, line: int) -> list[ast.For | ast.AsyncFor | ast.While]:
    """All loops that do this line again and again, within its own function."""
    return [node for node in _within(source, line) if isinstance(node, _LOOPS)]


def has_exit(loop: ast.While) -> bool:
    """Whether some statement inside may leave the loop: `break`, `return`, `raise`, a `yield` or an `await`."""
    ways = (ast.Break, ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Await)
    return any(isinstance(node, ways) for statement in loop.body for node in done_here(statement))


def is_tight(loop: ast.For | ast.AsyncFor | ast.While) -> bool:
    """Whether nothing inside the loop takes longer than the rest of it by far: a call, a wait or another loop."""
    longer = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.With, ast.AsyncWith, *_LOOPS, *_COMPREHENSIONS)
    rounds = [*loop.body, *([loop.test] if isinstance(loop, ast.While) else [])]
    return not any(isinstance(node, longer) for part in rounds for node in ast.walk(part))


def is_closed(loop: ast.While, is_harmless: Callable[[ast.Call], bool]) -> bool:
    """Whether each round follows from variables alone: nothing inside asks the outside, the clock or chance."""
    for node in (one for part in (loop.test, *loop.body) for one in ast.walk(part)):
        if isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom, ast.With, ast.AsyncWith, ast.Global, ast.Nonlocal)):
            return False
        asks = isinstance(node, ast.Call) and (called_name(node) in _OUTSIDE or not (node.args or node.keywords))
        if asks and not is_harmless(node):  # type: ignore[arg-type]
            return False
    return any(isinstance(node, ast.Name) for node in ast.walk(loop.test)) or is_constant(loop.test)


_OUTSIDE = frozenset({
    "read", "readline", "recv", "get", "get_nowait", "pop", "popleft", "next", "send", "write", "wait", "sleep", "poll",
    "select", "acquire", "input", "random", "randint", "choice", "uniform", "execute", "fetch", "fetchone", "fetchmany",
    "request", "urlopen", "open", "stat", "exists", "is_set", "print",
})  # fmt: skip


def changes_nothing(statements: Iterable[ast.AST], is_harmless: Callable[[ast.Call], bool]) -> bool:
    """Whether they only give other values to local variables: they store into no object, and call what is harmless."""
    for node in (one for part in statements for one in ast.walk(part)):
        if isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom, ast.With, ast.AsyncWith, ast.Delete)):
            return False
        if isinstance(node, (ast.Global, ast.Nonlocal)) or (isinstance(node, ast.Call) and not is_harmless(node)):
            return False
        if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            return False
        if isinstance(node, ast.AugAssign) and not isinstance(node.value, ast.Constant):
            return False  # a list may be added to in place
    return True


def acquires_nothing(source: SourceFile, line: int) -> bool:
    """Whether the line neither opens a `with` nor calls `acquire`."""
    statement = statement_at(source, line)
    return not isinstance(statement, (ast.With, ast.AsyncWith)) and "acquire" not in calls_at(source, line)


def only_counted(loop: ast.While) -> frozenset[str]:
    """Names that the loop only counts up or collects into, and asks nothing of, so that its rounds do not depend on
    them. None of them where something else that it assigns comes from elsewhere: then they may tell that it gets on."""
    parts = [one for part in (loop.test, *loop.body) for one in ast.walk(part)]
    written = {id(node) for one in parts for node in _added_to(one)}
    names = {node.id for node in parts if isinstance(node, ast.Name) and id(node) in written}
    asked = {node.id for node in parts if isinstance(node, ast.Name) and id(node) not in written}
    idle = frozenset(names - asked)
    assigned = {name: value for one in parts for name, value in _assigned(one) if name not in idle}
    fed = all(any(name in assigned for name in _loaded(value)) for value in assigned.values())
    return idle if fed and assigned else frozenset()


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names that the node gives a value to, with it."""
    value = getattr(node, "value", None)
    if isinstance(node, ast.Assign | ast.AugAssign | ast.NamedExpr) and value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from ((one.id, value) for target in targets for one in ast.walk(target) if isinstance(one, ast.Name))


def _loaded(value: ast.expr) -> Iterator[str]:
    return (one.id for one in ast.walk(value) if isinstance(one, ast.Name))


def _added_to(node: ast.AST) -> Iterator[ast.expr]:
    """The variable of `count += 1`, `count = count + 1` (both of its places) and `seen.append(one)`."""
    if isinstance(node, ast.AugAssign):
        yield node.target
    elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.value, ast.BinOp):
        target, left = node.targets[0], node.value.left
        if isinstance(target, ast.Name) and isinstance(left, ast.Name) and target.id == left.id:
            yield from (target, left)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        call = node.value.func
        if isinstance(call, ast.Attribute) and call.attr in _COLLECTS:
            yield call.value


_COLLECTS = frozenset({"append", "appendleft", "add", "extend", "insert"})


def is_constant(test: ast.expr) -> bool:
    return isinstance(test, ast.Constant)


def changes_test(loop: ast.While) -> bool:
    """Whether what the loop's condition asks may change inside: by an assignment, or behind a call or an attribute."""
    if any(not isinstance(node, _PLAIN) for node in ast.walk(loop.test)):
        return True
    asked = {node.id for node in ast.walk(loop.test) if isinstance(node, ast.Name)}
    inside = [node for statement in loop.body for node in ast.walk(statement)]
    # A container may be changed by a method or by whatever it is given to.
    used = {node.id for node in inside if isinstance(node, ast.Name)}
    return bool(asked & used)


_PLAIN = (ast.Name, ast.Constant, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.cmpop, ast.boolop, ast.unaryop,
          ast.expr_context)  # fmt: skip


def done_here(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all below it, without the functions that it only defines."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (*_FUNCTIONS, ast.ClassDef)):
            yield from done_here(child)


def own_nodes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """All of its body, without the functions and classes that it only defines."""
    statements = (one for one in function.body if not isinstance(one, (*_FUNCTIONS, ast.ClassDef)))
    return (node for statement in statements for node in done_here(statement))


def _on_line(nodes: tuple[ast.AST, ...], line: int) -> Iterator[ast.AST]:
    """Everything in the innermost statement that begins on or spans the line."""
    statement = next((node for node in reversed(nodes) if isinstance(node, ast.stmt)), None)
    if statement is None or isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
        return
    if isinstance(statement, (*_LOOPS, ast.If, ast.With, ast.AsyncWith, ast.Try)):
        heads = [statement.iter] if isinstance(statement, (ast.For, ast.AsyncFor)) else []
        heads += [statement.test] if isinstance(statement, (ast.While, ast.If)) else []
        heads += (
            [item.context_expr for item in statement.items] if isinstance(statement, (ast.With, ast.AsyncWith)) else []
        )
        for head in heads:
            yield from ast.walk(head)
        return
    yield from (node for node in ast.walk(statement) if covers(node, line))


def called_name(call: ast.Call) -> str:
    """ "sleep" of `time.sleep(…)` and of `sleep(…)`; empty where what is called has no name."""
    return simple_name(call.func)


def simple_name(node: ast.AST) -> str:
    """ "stop" of `self.stop` and of `stop`; empty for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


@lru_cache(maxsize=4096)
def calls_at(source: SourceFile, line: int) -> tuple[str, ...]:
    """Names of what is called on the line: "match", "sleep", "loads"."""
    return tuple(name for call in call_nodes_at(source, line) if (name := called_name(call)))


def call_nodes_at(source: SourceFile, line: int) -> tuple[ast.Call, ...]:
    return tuple(node for node in _on_line(around(source, line), line) if isinstance(node, ast.Call))


def calls_behind(source: SourceFile, line: int) -> tuple[str, ...]:
    """Names of what was called for the variables that the line's `await` names, in the same function before it."""
    awaited = (node.value for node in _on_line(around(source, line), line) if isinstance(node, ast.Await))
    names = {last_name(node) for node in awaited if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))}
    made = [
        node.value
        for node in before(source, line)
        if isinstance(node, ast.Assign) and names & {last_name(target) for target in node.targets}
    ]
    return tuple(called_name(call) for value in made for call in ast.walk(value) if isinstance(call, ast.Call))


def outer_calls_at(source: SourceFile, line: int) -> tuple[str, ...]:
    """Names of what is called on the line, without calls that only make the arguments of others."""
    calls = [node for node in _on_line(around(source, line), line) if isinstance(node, ast.Call)]
    arguments = {id(inner) for call in calls for one in (*call.args, *call.keywords) for inner in ast.walk(one)}
    names = (called_name(call) for call in calls if id(call) not in arguments)
    return tuple(name for name in names if name)


def entered_at(source: SourceFile, line: int) -> tuple[tuple[int, str], ...]:
    """What the `with` statement whose head is on this line enters: (line, expression)."""
    statement = statement_at(source, line)
    if not isinstance(statement, (ast.With, ast.AsyncWith)):
        return ()
    return tuple((item.context_expr.lineno, ast.unparse(item.context_expr)) for item in statement.items)


def in_finally(source: SourceFile | None, line: int, calls: frozenset[str]) -> bool:
    """Whether one of these calls stands in a `finally` of the line's own function: then it is made on every path."""
    function = function_at(source, line) if source else None
    for node in ast.walk(function) if function else ():
        for statement in node.finalbody if isinstance(node, ast.Try) else ():
            for call in ast.walk(statement):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in calls:
                    return True
    return False


def in_handler(source: SourceFile, line: int, errors: frozenset[str]) -> bool:
    """Whether the line stands where the function answers one of these errors."""
    return any(isinstance(node, ast.ExceptHandler) and _catches(node, errors) for node in _within(source, line))


def after_error(source: SourceFile, line: int, errors: frozenset[str]) -> bool:
    """Whether the line comes, in a loop, after an attempt that may have failed with one of these errors."""
    loops = [node for node in _within(source, line) if isinstance(node, _LOOPS)]
    attempts = (one for one in loops[-1].body if isinstance(one, ast.Try) and one.lineno < line) if loops else ()
    return any(_catches(handler, errors) for one in attempts for handler in one.handlers)


def before(source: SourceFile, line: int) -> Iterator[ast.stmt]:
    """Statements of the line's own function that were done, or at least begun, before it was reached."""
    for node in _within(source, line):
        for part in ("body", "orelse", "handlers", "finalbody"):
            statements = getattr(node, part, None)
            if not isinstance(statements, list) or not any(covers(one, line) for one in statements):
                continue
            yield from (one for one in statements if isinstance(one, ast.stmt) and (one.end_lineno or line) < line)
            if isinstance(node, ast.Try) and part != "body":
                yield from node.body


def _within(source: SourceFile, line: int) -> tuple[ast.AST, ...]:
    """Every node around the line within its own function, outermost first."""
    nodes = around(source, line)
    functions = [index for index, node in enumerate(nodes) if isinstance(node, _FUNCTIONS)]
    return nodes[functions[-1] if functions else 0 :]


def _catches(handler: ast.ExceptHandler, errors: frozenset[str]) -> bool:
    caught = {last_name(part) for part in ast.walk(handler.type)} if handler.type else errors
    return bool(caught & errors)


def grown_names(source: SourceFile, methods: frozenset[str]) -> set[str]:
    """Names (of variables, or the last part of attributes) that some function of the file adds to."""
    module = tree(source)
    found: set[str] = set()
    for function in ast.walk(module) if module else ():
        if not isinstance(function, _FUNCTIONS):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods:
                found.add(last_name(node.func.value))
            elif isinstance(node, ast.Assign):
                found.update(last_name(target.value) for target in node.targets if isinstance(target, ast.Subscript))
            elif isinstance(node, ast.AugAssign):
                found.add(last_name(node.target))
    return found - {""}


def last_name(node: ast.AST) -> str:
    """ "items" of `self.items[0]`."""
    while isinstance(node, (ast.Subscript, ast.Call)):
        node = node.value if isinstance(node, ast.Subscript) else node.func
    return simple_name(node)
