"""No two modules need each other, neither to be imported, nor when a function of them runs, nor for their types."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

pytestmark = pytest.mark.same_everywhere("judges the source and the documents of the project")

ROOT = Path(__file__).parents[2]


def modules() -> dict[str, ast.Module]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text(encoding="utf-8"))
        for path in (ROOT / "watchdog").rglob("*.py")
    }


def imported(tree: ast.Module, known: Mapping[str, object]) -> Iterator[str]:
    """What it imports of ours, also inside functions and for the type checker alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                full = f"{node.module}.{one.name}"
                yield full if full in known else node.module


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Modules that reach themselves, each group once."""
    reached: dict[str, set[str]] = {}
    for start in edges:
        seen: set[str] = set()
        waiting = list(edges[start])
        while waiting:
            if (one := waiting.pop()) not in seen:
                seen.add(one)
                waiting.extend(edges.get(one, ()))
        reached[start] = seen
    groups = {frozenset({one, *(other for other in reached[one] if one in reached[other])})
              for one in edges if one in reached[one]}  # fmt: skip
    return sorted(sorted(group) for group in groups)


def test_no_module_needs_itself() -> None:
    known = modules()
    edges = {name: (set(imported(tree, known)) & known.keys()) - {name} for name, tree in known.items()}
    assert circles(edges) == []


def test_a_circle_would_be_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
