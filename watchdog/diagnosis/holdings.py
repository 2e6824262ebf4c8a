"""What keeps the memory: the application's variables that grow or hold something huge, and the line that fills them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import is_application
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
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Filling = tuple[int, str, ast.AST]  # line, function, the value that goes in


@record(frozen=True)
class Holding:
    """One variable of the application."""

    words: str
    size: int  # bytes
    culprit: Culprit | None
    by_request: bool = False  # filled in a function that nothing calls while the program starts


def growing(view: View) -> Holding | None:
    """The variable that grew most between the first and the last reading of the memory."""
    last = {look.pid: {one.path: one for one in look.containers} for look in view.tasks}
    grown: list[tuple[int, int, Container]] = []  # bytes and entries that came, what it is now
    for look in view.evidence.tasks:
        before = {one.path: one for one in look.containers}
        for path, now in last[look.pid].items():
            then = before.get(path) or _too_small_to_be_told(now)
            if now.length > then.length:
                grown.append((now.size - then.size, now.length - then.length, now))
    if not grown:
        return _unbounded_cache(view)
    size, entries, now = max(grown, key=lambda one: one[:2])
    filling = next(_fillings(view, now), None)
    return Holding(
        words=f"{now.path} grew from {now.length - entries or 'a few'} to {now.length} entries",
        size=size,
        culprit=_culprit(view, now, filling, follow=False),
    )


def _too_small_to_be_told(now: Container) -> Container:
    """What is large now and was not read before: it had fewer entries than are worth telling."""
    return replace(now, length=0, size=0) if now.kind not in _TEXTS else now


def _unbounded_cache(view: View) -> Holding | None:
    """A cache without a bound is kept by its function, not by a variable. Only where there is but one."""
    found: list[tuple[SourceFile, ast.FunctionDef]] = []
    for source in view.evidence.sources:
        module = shape.tree(source) if is_application(Frame("", source.path, 0)) else None
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


def keeper(view: View) -> Holding | None:
    """The variable that keeps most of what pools have lent, and the line that puts it there."""
    for one in sorted((one for look in view.tasks for one in look.lent), key=lambda one: -one.count):
        kept = Container(one.path, one.name, one.file, one.kind, one.count, 0)
        fillings = [filling for filling in _fillings(view, kept) if filling[1] != "__init__"]
        if fillings:
            words = f"{one.count} of type {one.kind.rpartition('.')[2]} are kept in {one.name}"
            return Holding(words, 0, _culprit(view, kept, fillings[0], follow=False))
    return None


def only_grows(view: View, name: str) -> bool:
    """Whether the variable of this name is long, requests put something into it, and nothing is ever taken out."""
    long = [one for look in view.tasks for one in look.containers if one.name == name and one.length >= _LONG]
    if not long:
        return False
    own = tuple(source for source in view.evidence.sources if is_application(Frame("", source.path, 0)))
    fillings = {function for _, function, _ in _fillings(view, long[0])}
    return bool(fillings) and not fillings & shape.done_at_start(own) and not any(_shrinks(one, name) for one in own)


def _shrinks(source: SourceFile, name: str) -> bool:
    """Whether something is taken out of a variable of this name, or it is made with a bound."""
    module = shape.tree(source)
    for node in ast.walk(module) if module else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TAKES_OUT:
            if shape.last_name(node.func.value) == name:
                return True
        elif isinstance(node, ast.Delete) and any(shape.last_name(one) == name for one in node.targets):
            return True
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and (value := node.value) is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(shape.last_name(one) == name for one in targets) and _is_bounded(value, name):
                return True
    return False


def _is_bounded(value: ast.AST, name: str) -> bool:
    """`deque(maxlen=50)`, or a part of what was there before: `self.rows = self.rows[-50:]`."""
    keys = {one.arg or "" for one in ast.walk(value) if isinstance(one, ast.keyword)}
    return bool(keys & {"maxlen", "maxsize"}) or any(
        isinstance(one, (ast.Name, ast.Attribute)) and shape.simple_name(one) == name for one in ast.walk(value)
    )


_LONG = 500  # entries
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
        by_request = not any(_at_start(view, one.file, function) for _, function, _ in fillings)
        if by_request:
            return Holding(
                words=f"{one.path} ({one.kind}, {format_size(one.size)})",
                size=one.size,
                culprit=_culprit(view, one, fillings[0], follow=True),
                by_request=True,
            )
    return None


def _fillings(view: View, kept: Container) -> Iterator[Filling]:
    """Lines of functions that put something into the variable: an append, an item, an assignment to the global."""
    for source in view.evidence.sources:
        module = shape.tree(source) if is_application(Frame("", source.path, 0)) else None
        for function in ast.walk(module) if module else ():
            if isinstance(function, _FUNCTIONS):
                names = {name for one in ast.walk(function) if isinstance(one, ast.Global) for name in one.names}
                for node in ast.walk(function):
                    value = _into(node, kept.name, names)
                    if value is not None:
                        yield node.lineno, function.name, value  # type: ignore[attr-defined]


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


def _culprit(view: View, kept: Container, filling: Filling | None, *, follow: bool) -> Culprit | None:
    if filling is None:
        return None
    line, function, value = filling
    source = view.file(kept.file)
    made = _maker(source, value) if follow and source else None
    if made is not None:
        line, function = made
    return view.culprit(Frame(function, kept.file, line))


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
    return source is None or shape.is_done_at_start(source, function)
