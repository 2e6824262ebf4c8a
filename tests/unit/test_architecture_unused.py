"""Nothing in watchdog/ that nobody uses: every function, class, method and constant is named somewhere else in it.

A name counts as used where the code names it (calls, attributes, imports), where a registry names it as text
("watchdog.steps.kill:kill"), and where a template does. That a name is used is not proven by this, but what fails here
is dead for certain.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.same_everywhere("judges the source and the documents of the project")

PACKAGE = Path(__file__).parents[2] / "watchdog"
WRITTEN_FOR_OTHERS = "library/request_guard.py"  # `wd guard` copies it; its classes are for the guarded server
# http.client wants the first of a socket, Alembic the others of a migration.
CALLED_FROM_OUTSIDE = {"makefile", "revision", "down_revision", "DOCUMENTATION", "EXAMPLES", "RETURN"}
REGISTERED_BY = {"field_validator", "model_validator"}  # a decorator that hands the function to somebody
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def defined(tree: ast.Module, ours: frozenset[str] = frozenset()) -> Iterator[tuple[str, int, ast.AST]]:
    """What a module defines, but for what a base class of somebody else's may call."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno, node
        if isinstance(node, ast.ClassDef) and all(
            isinstance(base, ast.Name) and base.id in ours for base in node.bases
        ):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and not registered(inner):
                    yield inner.name, inner.lineno, inner
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            if isinstance(target, ast.Name):
                yield target.id, node.lineno, node


def registered(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    decorators = [one.func if isinstance(one, ast.Call) else one for one in function.decorator_list]
    return any(isinstance(one, ast.Name) and one.id in REGISTERED_BY for one in decorators)


def named(tree: ast.AST) -> Counter[str]:
    """Every name that is read in it, and every word of a text that can be a reference."""
    found: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found[node.id] += 1
        elif isinstance(node, ast.Attribute):
            found[node.attr] += 1
        elif isinstance(node, ast.alias):
            found[node.name.rpartition(".")[2]] += 1
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[\w.:\-]+", node.value):
            found.update(_WORD.findall(node.value))
    return found


def unused() -> list[str]:
    modules = dict(trees())
    everywhere: Counter[str] = Counter()
    for tree in modules.values():
        everywhere += named(tree)
    for template in PACKAGE.rglob("*.j2"):
        everywhere.update(_WORD.findall(template.read_text(encoding="utf-8")))
    everywhere.update(_WORD.findall((PACKAGE.parent / "setup.cfg").read_text(encoding="utf-8")))
    ours = frozenset(node.name for tree in modules.values() for node in tree.body if isinstance(node, ast.ClassDef))
    found = []
    for file, tree in modules.items():
        for name, line, node in defined(tree, ours) if file != WRITTEN_FOR_OTHERS else ():
            by_itself = named(node)[name]  # recursion is no use
            if not name.startswith("__") and name not in CALLED_FROM_OUTSIDE and everywhere[name] <= by_itself:
                found.append(f"{file}:{line} {name}")
    return found


def modules_nobody_imports() -> list[str]:
    wanted: set[str] = {"watchdog.cli.main"}
    modules = dict(trees())
    for tree in modules.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                wanted.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                wanted.add(node.module)
                wanted.update(f"{node.module}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("watchdog."):
                wanted.add(node.value.partition(":")[0])
    # Run or copied as files.
    named_as_file = {"watchdog.cli.demo_shop", "watchdog.leak.runner", "watchdog.library.request_guard"}
    named_as_file.add("watchdog.fleet.collection.plugins.modules.wd_run")
    # Each file of these folders is a rule, which `registry` imports, or one for Alembic.
    taken_whole = ("watchdog.diagnosis.rules.", "watchdog.store.migrations.")
    names = {"watchdog." + file.removesuffix(".py").replace("/", ".") for file in modules}
    unknown = (name for name in names - wanted - named_as_file if not name.startswith(taken_whole))
    return sorted(name for name in unknown if not name.endswith("__init__"))


def test_nothing_is_there_that_nobody_uses() -> None:
    assert unused() == []
    assert modules_nobody_imports() == []


def test_dead_code_would_be_seen() -> None:
    tree = ast.parse("def dead():\n    return dead()\n\ndef used():\n    pass\n\nused()\n")
    names = named(tree)
    assert {name for name, _, node in defined(tree) if names[name] <= named(node)[name]} == {"dead"}
