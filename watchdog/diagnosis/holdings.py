"""What keeps the memory: the application's variables that grow or hold something huge, and the line that fills them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from watchdog.diagnosis import shape
from watchdog.diagnosis.at_start import done_at_start, is_done_at_start
from watchdog.diagnosis.suspects import GROWS
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Container, Frame, SourceFile
from watchdog.model.finding import Culprit
from watchdog.model.records import record
from watchdog.text.units import format_size

HUGE = 64 << 20  # bytes of one thing
_TEXTS = ("bytes", "bytearray", "str")
_PIECE = 1 << 20  # bytes of each entry: many small ones are a cache, which may be meant
_SHARE = 0.35  # of all memory
_PART = 0.2  # of what grew most
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Filling = tuple[SourceFile, int, str, ast.AST]  # its source, line, function, the value that goes in


@record(frozen=True)
class Holding:
    """One variable of the application."""

    words: str
    size: int  # bytes
    culprit: Culprit | None
    by_request: bool = False  # filled in a function that nothing calls while the program starts


def growing(view: View) -> Holding | None:
    """The variable that grew most between the first and the last reading of the memory, and has no bound."""
    grown = sorted(_grown(view), key=lambda one: one[:2], reverse=True)
    held = [_grown_holding(view, one) for one in grown if not _is_kept_small(view, one[2])]
    filled = [one for one in held if one.culprit]
    # What only libraries fill, such as those who wait in a queue, explains the growth where nothing else does.
    if held and filled and filled[0].size >= _PART * held[0].size:
        return filled[0]
    return _unbounded_cache(view) or next(iter(held), None)


def _grown_holding(view: View, grown: tuple[int, int, Container]) -> Holding:
    size, entries, now = grown
    return Holding(
        words=f"{now.path} grew from {now.length - entries or 'a few'} to {now.length} entries",
        size=size,
        culprit=_culprit(view, next(_fillings(view, now), None) or _told_to_keep(view, now), follow=False),
    )


def _told_to_keep(view: View, kept: Container) -> Filling | None:
    """The line of a request that hands something to the object of a library which keeps it, `changed.connect(…)`; else
    the line that makes the object."""
    owners = [part.partition("[")[0] for part in kept.path.split(".")[1:]][-2::-1]
    handed = (one for owner in owners for one in _calls_on(view, owner) if not _at_start(view, one[0].path, one[2]))
    made = (one for owner in owners for one in _made(view, owner))
    return next(handed, None) or next(made, None)


def _made(view: View, name: str) -> Iterator[Filling]:
    """Where the application makes that object: `memory = MemoryHandler(…)`."""
    for source in view.own_sources:
        for node in ast.walk(shape.tree(source) or ast.Module([], [])):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
            value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
            if isinstance(value, ast.Call) and any(shape.last_name(one) == name for one in targets):
                maker = shape.function_at(source, value.lineno)
                yield source, value.lineno, getattr(maker, "name", "<module>"), value


def _calls_on(view: View, owner: str) -> Iterator[Filling]:
    for source in view.own_sources:
        functions = (one for one in ast.walk(shape.tree(source) or ast.Module([], [])) if isinstance(one, _FUNCTIONS))
        for function in functions:
            for node in ast.walk(function):
                called = node.func if isinstance(node, ast.Call) else None
                if not isinstance(called, ast.Attribute) or called.attr not in _HANDS_OVER:
                    continue
                if shape.last_name(called.value) == owner:
                    yield source, called.lineno, function.name, node


def fills_to_a_bound(view: View) -> bool:
    """Whether what grew is taken out again over a limit: it has not reached that yet."""
    return any(_is_kept_small(view, now) for _, _, now in _grown(view))


def _grown(view: View) -> list[tuple[int, int, Container]]:
    """(bytes and entries that came, what it is now) of each variable that grew."""
    last = {look.pid: {one.path: one for one in look.containers} for look in view.tasks}
    found: list[tuple[int, int, Container]] = []
    for look in view.evidence.tasks:
        before = {one.path: one for one in look.containers}
        for path, now in last[look.pid].items():
            then = before.get(path) or _too_small_to_be_told(now)
            if now.length > then.length:
                found.append((now.size - then.size, now.length - then.length, now))
    return found


def _is_kept_small(view: View, kept: Container) -> bool:
    return any(_bounds(one, kept.name) for one in _fillings(view, kept))


def _too_small_to_be_told(now: Container) -> Container:
    """What is large now and was not read before: it had fewer entries than are worth telling."""
    return replace(now, length=0, size=0) if now.kind not in _TEXTS else now


def _unbounded_cache(view: View) -> Holding | None:
    """A cache without a bound is kept by its function, not by a variable. Only where there is but one."""
    found: list[tuple[SourceFile, ast.FunctionDef]] = []
    for source in view.own_sources:
        module = shape.tree(source)
        for one in ast.walk(module) if module else ():
            if isinstance(one, ast.FunctionDef) and any(
                _is_unbounded(ast.unparse(mark)) for mark in one.decorator_list
            ):
                found.append((source, one))
    if len(found) != 1:
        return None
    source, function = found[0]
    line = next((node.lineno for node in ast.walk(function) if isinstance(node, ast.Return)), function.lineno)
    culprit = view.culprit(Frame(function.name, source.path, line))
    return Holding(f"{function.name} caches every result without a bound", 0, culprit)


def _is_unbounded(decorator: str) -> bool:
    return bool(re.fullmatch(r"(functools\.)?(cache|lru_cache\((maxsize=)?None.*\))", decorator))


def keeper(view: View, takes: frozenset[str]) -> Holding | None:
    """The variable that keeps most of what pools have lent, and the line that took it: one of these calls in the
    function that puts it there, else the line that puts it there."""
    for one in sorted((one for look in view.tasks for one in look.lent), key=lambda one: -one.count):
        kept = Container(one.path, one.name, one.file, one.kind, one.count, 0)
        fillings = [filling for filling in _fillings(view, kept) if filling[2] != "__init__"]
        if fillings:
            words = f"{one.count} of type {one.kind.rpartition('.')[2]} are kept in {one.name}"
            source, line, function, value = fillings[0]
            return Holding(words, 0, view.culprit(Frame(function, source.path, _taken_at(source, line, value, takes))))
    return None


def _taken_at(source: SourceFile, line: int, value: ast.AST, takes: frozenset[str]) -> int:
    """The line before, in the same function, that makes one of these calls for a variable of the value."""
    names = {one.id for one in ast.walk(value) if isinstance(one, ast.Name)}
    for node in shape.before(source, line):
        if not isinstance(node, ast.Assign) or not names & {shape.simple_name(one) for one in node.targets}:
            continue
        if takes & {shape.called_name(one) for one in ast.walk(node.value) if isinstance(one, ast.Call)}:
            return node.lineno
    return line


def only_grows(view: View, name: str) -> bool:
    """Whether the variable of this name is long, requests put something into it, and nothing is ever taken out."""
    long = [one for look in view.tasks for one in look.containers if one.name == name and one.length >= _LONG]
    if not long:
        return False
    own = view.own_sources
    fillings = {function for _, _, function, _ in _fillings(view, long[0])}
    return bool(fillings) and not fillings & done_at_start(own) and not any(_shrinks(one, name) for one in own)


def _shrinks(source: SourceFile, name: str) -> bool:
    """Whether something is taken out of a variable of this name, or it is made with a bound."""
    module = shape.tree(source)
    for node in ast.walk(module) if module else ():
        if _takes_out(node, name):
            return True
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and (value := node.value) is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(shape.last_name(one) == name for one in targets) and _is_bounded(value, name):
                return True
    return False


def _bounds(filling: Filling, name: str) -> bool:
    """Whether the function that fills the variable, or one that it calls, takes out of it what is over a limit."""
    source, _, function, _ = filling
    module = shape.tree(source)
    functions = {one.name: one for one in ast.walk(module) if isinstance(one, _FUNCTIONS)} if module else {}
    called = {shape.called_name(one) for one in ast.walk(functions[function]) if isinstance(one, ast.Call)}
    for each in (functions[function], *(functions[one] for one in called & functions.keys())):
        for node in ast.walk(each):
            limited = isinstance(node, (ast.While, ast.If)) and _has_limit(node.test)
            if limited and any(_takes_out(one, name) for statement in node.body for one in ast.walk(statement)):  # type: ignore[attr-defined]
                return True
    return False


def _has_limit(test: ast.AST) -> bool:
    limits = (ast.Gt, ast.GtE, ast.Lt, ast.LtE)
    return any(isinstance(one, ast.Compare) and isinstance(one.ops[0], limits) for one in ast.walk(test))


def _takes_out(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Delete):
        return any(shape.last_name(one) == name for one in node.targets)
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TAKES_OUT
    return called and shape.last_name(node.func.value) == name  # type: ignore[attr-defined]


def _is_bounded(value: ast.AST, name: str) -> bool:
    """`deque(maxlen=50)`, or a part of what was there before: `self.rows = self.rows[-50:]`."""
    keys = {one.arg or "" for one in ast.walk(value) if isinstance(one, ast.keyword)}
    return bool(keys & {"maxlen", "maxsize"}) or any(
        isinstance(one, (ast.Name, ast.Attribute)) and shape.simple_name(one) == name for one in ast.walk(value)
    )


_LONG = 500  # entries
_HANDS_OVER = GROWS | {"connect", "register", "subscribe", "listen", "add_listener", "add_handler", "add_callback",
                       "add_done_callback", "addHandler", "on", "observe", "attach", "bind", "watch"}  # fmt: skip
_TAKES_OUT = frozenset({"pop", "popleft", "popitem", "remove", "discard", "clear", "difference_update", "heappop"})


def huge(view: View) -> Holding | None:
    """The variable that holds most of all memory, where requests fill it; what is loaded at the start is meant so."""
    found = [
        one
        for look in view.tasks
        for one in look.containers
        if one.size >= max(HUGE, _SHARE * view.rss) and (one.kind in _TEXTS or one.size >= _PIECE * one.length)
    ]
    for one in sorted(found, key=lambda one: (-one.size, len(one.path))):
        fillings = list(_fillings(view, one))
        if not fillings:
            continue
        by_request = not any(_at_start(view, source.path, function) for source, _, function, _ in fillings)
        if by_request:
            return Holding(
                words=f"{one.path} ({one.kind}, {format_size(one.size)})",
                size=one.size,
                culprit=_culprit(view, fillings[0], follow=True),
                by_request=True,
            )
    return None


def _fillings(view: View, kept: Container) -> Iterator[Filling]:
    """Lines of functions that put something into the variable: an append, an item, an assignment to the global."""
    for source in view.own_sources:
        module = shape.tree(source)
        for function in ast.walk(module) if module else ():
            if isinstance(function, _FUNCTIONS):
                names = {name for one in ast.walk(function) if isinstance(one, ast.Global) for name in one.names}
                for node in shape.own_nodes(function):
                    value = _into(node, kept.name, names)
                    if value is not None:
                        yield source, node.lineno, function.name, value  # type: ignore[attr-defined]


def _into(node: ast.AST, name: str, declared: set[str]) -> ast.AST | None:
    """What a statement or call puts into the variable of this name; None if it does not."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in GROWS:
        return (node.args[-1] if node.args else node) if shape.last_name(node.func.value) == name else None
    if isinstance(node, ast.Assign):
        for target in node.targets:
            whole = isinstance(target, (ast.Name, ast.Attribute)) and shape.last_name(target) == name
            if whole and (isinstance(target, ast.Attribute) or name in declared):
                return node.value
            if isinstance(target, ast.Subscript) and shape.last_name(target.value) == name:
                return node.value
    if isinstance(node, ast.AugAssign) and shape.last_name(node.target) == name:
        return node.value
    return None


def _culprit(view: View, filling: Filling | None, *, follow: bool) -> Culprit | None:
    if filling is None:
        return None
    source, line, function, value = filling
    made = _maker(source, value) if follow else None
    if made is not None:
        line, function = made
    return view.culprit(Frame(function, source.path, line))


def _maker(source: SourceFile, value: ast.AST) -> tuple[int, str] | None:
    """Where the function that makes the value puts it together: its `return`, or the assignment of what it returns."""
    if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Name)):
        return None
    module = shape.tree(source)
    makers = (
        [one for one in ast.walk(module) if isinstance(one, _FUNCTIONS) and one.name == value.func.id] if module else []
    )
    for maker in makers:
        for node in ast.walk(maker):
            if isinstance(node, ast.Return) and node.value is not None:
                wanted = node.value.id if isinstance(node.value, ast.Name) else None
                if wanted is None:
                    return node.lineno, maker.name
                lines = [
                    one.lineno
                    for one in ast.walk(maker)
                    if isinstance(one, (ast.Assign, ast.AugAssign))
                    and wanted in {shape.last_name(target) for target in getattr(one, "targets", None) or [one.target]}  # type: ignore[union-attr]
                ]
                return max(lines, default=node.lineno), maker.name
    return None


def _at_start(view: View, file: str, function: str) -> bool:
    source = view.file(file)
    return source is None or is_done_at_start(source, function)
