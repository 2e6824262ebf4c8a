"""The pattern of a regular expression that a line matches with, as far as the source tells it. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from watchdog.diagnosis import shape
from watchdog.model.evidence import SourceFile

_CALLS = frozenset({"match", "fullmatch", "search", "findall", "finditer", "sub", "subn", "split"})


def pattern_at(source: SourceFile, line: int, sources: Iterable[SourceFile]) -> str | None:
    """The pattern that the line matches with: written there, or in a variable that one line of the sources makes."""
    known = (source, *sources)
    for call in shape.call_nodes_at(source, line):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _CALLS:
            continue
        if _is_verbose(call):
            continue
        owner = call.func.value
        of_module = isinstance(owner, ast.Name) and owner.id == "re"
        given = [*call.args, *(one.value for one in call.keywords if one.arg == "pattern"), None]
        text = _text(given[0] if of_module else owner, known)
        if text is not None:
            return text
    return None


def _text(node: ast.AST | None, sources: Sequence[SourceFile], depth: int = 4) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value.decode("latin-1") if isinstance(node.value, bytes) else _if_text(node.value)
    if isinstance(node, ast.Call) and shape.called_name(node) == "compile" and not _is_verbose(node):
        return _text(next(iter(node.args), None), sources, depth)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left, sources, depth), _text(node.right, sources, depth)
        return left + right if left is not None and right is not None else None
    if isinstance(node, (ast.Name, ast.Attribute)) and depth:
        name = shape.last_name(node)
        values = {ast.dump(value): value for source in sources for value in _values_of(source, name)}
        return _text(next(iter(values.values())), sources, depth - 1) if len(values) == 1 else None
    return None


def _is_verbose(call: ast.Call) -> bool:
    """Whether a flag says that blanks and comments are no part of the pattern."""
    return any(shape.simple_name(one) in ("X", "VERBOSE") for one in ast.walk(call))


def _values_of(source: SourceFile, name: str) -> Iterator[ast.expr]:
    """What the file assigns to that name, wherever it does."""
    for node in ast.walk(shape.tree(source) or ast.Module([], [])):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(shape.simple_name(one) == name for one in targets):
                yield node.value


def _if_text(value: object) -> str | None:
    return value if isinstance(value, str) else None
