"""What an application does when it is loaded or run, told from its source: no request has begun by then. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import lru_cache

from watchdog.diagnosis.shape import covers, last_name, tree
from watchdog.model.evidence import SourceFile

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_MAKE = frozenset({"__init__", "__post_init__", "__new__"})  # run where an object is made


def is_done_at_start(source: SourceFile, function: str) -> bool:
    """Whether the function is called, directly or through others, by what its module does when it is loaded or run.
    Where the source does not tell, it may be."""
    return tree(source) is None or function == "<module>" or function in done_at_start((source,))


def is_made_at_start(sources: tuple[SourceFile, ...], source: SourceFile, line: int, function: str) -> bool:
    """Whether what stands on a line of a function is done by what these modules do when they are loaded or run. What a
    class does where an object of it is made counts for that class alone."""
    module = tree(source)
    classes = [one for one in ast.walk(module) if isinstance(one, ast.ClassDef) and covers(one, line)] if module else []
    name = f"{classes[-1].name}.{function}" if classes and function in _MAKE else function
    return module is None or function == "<module>" or name in done_at_start(sources)


@lru_cache(maxsize=64)
def done_at_start(sources: tuple[SourceFile, ...]) -> frozenset[str]:
    """Names of the functions that are called, directly or through others, by what these modules do when they are loaded
    or run. What runs where an object is made has two names: "__init__" and "Crew.__init__"."""
    modules = [module for one in sources if (module := tree(one)) is not None]
    functions, classes = _defined(modules)
    waiting = set()
    for module in modules:
        waiting |= _called(one for one in module.body if not isinstance(one, (*_FUNCTIONS, ast.ClassDef)))
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        for function in functions.get(name, ()):
            waiting |= _called(function.body)
        for made in classes.get(name, ()):
            for one in made.body:
                if isinstance(one, _FUNCTIONS) and one.name in _MAKE:
                    reached |= {one.name, f"{name}.{one.name}"}
                    waiting |= _called(one.body)
            waiting |= {last_name(base) for base in made.bases}
    return frozenset(reached)


def _defined(
    modules: Iterable[ast.Module],
) -> tuple[dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]], dict[str, list[ast.ClassDef]]]:
    """Functions and classes by name."""
    functions: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
    classes: dict[str, list[ast.ClassDef]] = {}
    for one in (node for module in modules for node in ast.walk(module)):
        if isinstance(one, ast.ClassDef):
            classes.setdefault(one.name, []).append(one)
        elif isinstance(one, _FUNCTIONS):
            functions.setdefault(one.name, []).append(one)
    return functions, classes


def _called(statements: Iterable[ast.stmt]) -> set[str]:
    """Names of what is called in these statements, outside of functions that they only define."""
    inside = (node for one in statements if not isinstance(one, _FUNCTIONS) for node in ast.walk(one))
    return {last_name(node.func) for node in inside if isinstance(node, ast.Call)}
