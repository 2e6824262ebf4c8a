"""The line that ends the program with words which the log has: a start that refuses to go on. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from watchdog.diagnosis import shape
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Frame
from watchdog.model.records import record

_EXITS = frozenset({"exit", "SystemExit", "abort", "_exit"})
_LEAST = 8  # characters of a text that stands in the source
_LINES = 200


@record(frozen=True)
class LastWords:
    """What the log has, and the line that said so and ended the program."""

    words: str
    frame: Frame


def last_words(view: View) -> LastWords | None:
    """The exit whose own words, or those of the statement right before it, came last into a log."""
    lines = [line.strip() for log in view.evidence.logs for line in log.text.splitlines()[-_LINES:]]
    found: list[tuple[int, LastWords]] = []
    for source in view.own_sources:
        for call, said in _exits(shape.tree(source) or ast.Module([], [])):
            places = [place for place, line in enumerate(lines) if any(text in line for text in said)]
            maker = shape.function_at(source, call.lineno)
            if places:
                frame = Frame(getattr(maker, "name", "<module>"), source.path, call.lineno)
                found.append((places[-1], LastWords(lines[places[-1]][:200], frame)))
    return max(found, key=lambda one: one[0], default=(0, None))[1]


def _exits(module: ast.AST) -> Iterator[tuple[ast.Call, list[str]]]:
    """Each call that ends the program, with the texts that it and the statement before it say."""
    for node in ast.walk(module):
        for part in ("body", "orelse", "finalbody"):
            statements = getattr(node, part, None)
            before: ast.AST = ast.Pass()
            for statement in statements if isinstance(statements, list) else ():
                for call in _ends(statement):
                    said = (before, statement) if isinstance(before, ast.Expr) else (statement,)
                    yield call, [text for one in said for text in _texts(one)]
                before = statement


def _ends(statement: ast.AST) -> Iterator[ast.Call]:
    value = statement.exc if isinstance(statement, ast.Raise) else getattr(statement, "value", None)
    if isinstance(statement, (ast.Raise, ast.Expr)) and isinstance(value, ast.Call):
        yield from [value] if shape.called_name(value) in _EXITS else []


def _texts(statement: ast.AST) -> Iterator[str]:
    """Texts in it as a log can have them: what stands between the values."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            parts = node.value.replace("%r", "%s").replace("%d", "%s").split("%s")
            yield from (part.strip() for part in parts if len(part.strip()) >= _LEAST)
