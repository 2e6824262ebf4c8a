"""The templates of the sentences that wd writes into its record, read from the code: python docs/recorded.py

It prints those that have no translation, by file. To translate one, add it to a LANGUAGE.po with its translation:

    msgctxt "recorded"
    msgid "port {0} is free"
    msgstr "ポート {0} は空いている"

then run `python docs/catalogue.py`. Decision 396.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from watchdog.text.retelling import EDGES, KIND
from watchdog.text.units import counted

HOUSE = Path(__file__).parents[1] / "watchdog"
# Whose words stand in the record: in steps, findings, answers, triggers and decisions.
ROOMS = (
    "checks", "commands/sidecar_sessions.py", "commands/standings.py", "diagnosis", "evidence", "fleet/overview.py",
    "journal", "killing", "model", "policy", "probes", "runbook", "sidecar", "starting", "steps", "system", "targets",
    "text/exit_codes.py", "watch",
)  # fmt: skip
_VALUE = "\0"  # stands for a value


def templates(*rooms: str) -> dict[str, str]:
    """Each template that was found, with its place."""
    found: dict[str, str] = {}
    for room in rooms or ROOMS:
        place = HOUSE / room
        for path in sorted(place.rglob("*.py")) if place.is_dir() else (place,):
            for line, text in _in_file(ast.parse(path.read_text(encoding="utf-8"))):
                found.setdefault(text, f"{path.relative_to(HOUSE)}:{line}")
    return found


def _in_file(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in _outermost(tree):
        for text in _forms(node):
            if _is_sentence(text):
                yield getattr(node, "lineno", 0), _numbered(text)


def _outermost(node: ast.AST) -> Iterator[ast.expr]:
    """Texts, f-strings and sums of them; what stands inside the values of one comes by itself."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a documentation text
        if isinstance(child, ast.expr) and _is_text(child):
            yield child
            for value in _values(child):
                yield from _outermost(ast.Expression(value))
        else:
            if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id == "counted":
                yield child
            yield from _outermost(child)


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _is_text(node.left) or _is_text(node.right)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _values(node: ast.expr) -> Iterator[ast.expr]:
    """The expressions inside a text whose value it shows."""
    if isinstance(node, ast.BinOp):
        for side in (node.left, node.right):
            yield from _values(side) if _is_text(side) else (side,)
    elif isinstance(node, ast.JoinedStr):
        yield from (part.value for part in node.values if isinstance(part, ast.FormattedValue))


def _forms(node: ast.expr) -> tuple[str, ...]:
    if isinstance(node, ast.Call):  # counted(3, "question"): "3 questions"
        word = node.args[1] if len(node.args) > 1 else None
        words = [counted(number, _raw(word)) for number in (1, 2)] if word is not None and _is_text(word) else []
        return tuple(_VALUE + one[1:] for one in words)
    return (_raw(node),)


def _raw(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_raw(part) for part in node.values)
    if isinstance(node, ast.BinOp) and _is_text(node):
        return _raw(node.left) + _raw(node.right)
    return _VALUE


def _is_sentence(text: str) -> bool:
    return "\n" not in text and bool(re.search(r"[A-Za-z]{2}", text)) and bool({_VALUE, " "} & set(text))


def _numbered(text: str) -> str:
    """Values that stand side by side are one: nothing tells where the first of them ends."""
    text = re.sub(f"{_VALUE}+", _VALUE, text).strip(EDGES).replace("{", "{{").replace("}", "}}")
    first, *others = text.split(_VALUE)
    return first + "".join(f"{{{number}}}{part}" for number, part in enumerate(others))


def main() -> None:
    from catalogue import known  # here: catalogue.py imports this file

    translations = known("ja")
    for text, place in templates(*sys.argv[1:]).items():
        if translations.get(text, KIND) is None:
            sys.stdout.write(f"{place}: {text}\n")


if __name__ == "__main__":
    main()
