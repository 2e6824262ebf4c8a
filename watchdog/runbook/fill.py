"""Filling parameters into the words of a runbook, so that no value can become a template, a word or an option.

A line is split into words first and filled in afterwards: a value stays inside its word, whatever it contains. Of
Jinja's language only `{{ name }}` and a few filters are let through, by looking at the parsed template before anything
of it runs: no loops, no arithmetic, no calls, no attributes.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from watchdog.model.errors import BadConfig

if TYPE_CHECKING:
    from jinja2 import nodes
    from jinja2.sandbox import ImmutableSandboxedEnvironment

Value = str | int | float
FILTERS = ("default", "int", "lower", "trim", "upper")
LONGEST_TEMPLATE = 1000  # characters of one word
LONGEST_WORD = 4096


class _NotAllowed(ValueError):
    """Says what of a template is not used here."""


def fill(word: str, values: Mapping[str, Value]) -> str:
    """One word with its parameters. BadConfig for what is not a plain template, an unknown name or an endless value."""
    if "{" not in word:
        return word
    for name, value in values.items():
        if not isinstance(value, str | int | float):
            raise BadConfig(f"the value of {name!r} cannot be filled in", "only texts and numbers can")
    from jinja2 import TemplateError

    try:
        filled = str(_compiled(word).render(dict(values)))
    except (TemplateError, _NotAllowed, RecursionError) as error:
        raise BadConfig(f"{word[:80]!r} cannot be filled in", _reason(error)) from None
    if len(filled) > LONGEST_WORD:
        raise BadConfig(f"{word[:80]!r} cannot be filled in", f"it would be longer than {LONGEST_WORD} characters")
    return filled


def fill_words(words: tuple[str, ...], values: Mapping[str, Value]) -> tuple[str, ...]:
    """A line's words, filled in. BadConfig where a value would act as an option, or leaves nothing of its word.

    After a word `--` everything is an argument, so a leading dash is harmless there.
    """
    found: list[str] = []
    for word in words:
        filled = fill(word, values)
        if filled != word and not filled:
            raise BadConfig(f"{word[:80]!r} has an empty value", todo="Give it one with --set NAME=VALUE.")
        if filled.startswith("-") and not word.startswith("-") and "--" not in found:
            why = "its value begins with a dash and would be taken for an option"
            raise BadConfig(f"{word[:80]!r} cannot be filled in", why, "Put the word -- before it if a dash is meant.")
        found.append(filled)
    return tuple(found)


def names(word: str) -> frozenset[str]:
    """The parameters that a word uses. ValueError if it is not a template that is allowed."""
    if "{" not in word:
        return frozenset()
    from jinja2 import TemplateError, nodes

    try:
        parsed = _parsed(word)
    except (TemplateError, RecursionError) as error:
        raise ValueError(_reason(error)) from None
    return frozenset(node.name for node in parsed.find_all(nodes.Name))


@functools.cache
def _environment() -> ImmutableSandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    environment.filters = {name: environment.filters[name] for name in FILTERS}
    environment.globals.clear()
    environment.tests.clear()
    return environment


def _parsed(word: str) -> nodes.Template:
    if len(word) > LONGEST_TEMPLATE:
        raise _NotAllowed(f"a word with a template may have {LONGEST_TEMPLATE} characters; this one has {len(word)}")
    parsed = _environment().parse(word)
    _check(parsed)
    return parsed


@functools.lru_cache(maxsize=256)
def _compiled(word: str) -> Any:
    return _environment().from_string(_parsed(word))


def _check(node: nodes.Node) -> None:
    """Let through what names a value and formats it; refuse all else before it is compiled, let alone run."""
    from jinja2 import nodes

    plain = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const)
    if isinstance(node, nodes.Filter):
        if node.name not in FILTERS:
            raise _NotAllowed(f"the filter {node.name!r} is not used here; there are: {', '.join(FILTERS)}")
        if node.kwargs or node.dyn_args or node.dyn_kwargs or any(not isinstance(a, nodes.Const) for a in node.args):
            raise _NotAllowed(f"the filter {node.name!r} takes only plain values")
    elif isinstance(node, nodes.Name) and node.name == "self":
        raise _NotAllowed("the name self is Jinja's own")
    elif not isinstance(node, plain):
        raise _NotAllowed(f"only {{{{ name }}}} is used here, no {type(node).__name__.lower()}")
    for inner in node.iter_child_nodes():
        _check(inner)


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else (str(error) or type(error).__name__)
