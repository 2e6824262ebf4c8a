"""The commands that wd proposes in what it prints, and whether wd itself understands them."""

from __future__ import annotations

import contextlib
import functools
import io
import re
import shlex
from typing import Any

import click

from watchdog.cli.application import application
from watchdog.cli.build import Command

# Between backticks, or as the value of its own line.
_PROPOSED = re.compile(r"`(wd(?: --home \S+)? [a-z-][^`]*)`|^(?:record|page): +(wd .*)$")
_TYPED = re.compile(
    "unknown command: |Usage: |a loop runs: |it is held by "
)  # it repeats what was typed, or names a process
_ONE_OF = re.compile(r"(\w+)(?:\|\w+)+")


def commands(text: str) -> list[str]:
    """Each command that stands in a text for a person, once."""
    lines = [line for line in text.splitlines() if not _TYPED.search(line)]
    found = (match[1] or match[2] for line in lines for match in _PROPOSED.finditer(line))
    return list(dict.fromkeys(_ONE_OF.sub(r"\1", one).replace("…", "WORD") for one in found))


def misunderstood(line: str) -> str:
    """Why wd does not take this command line as it stands; empty if it does."""
    try:
        _parse(shlex.split(line)[1:])
    except click.exceptions.Exit:  # a page was asked for
        return ""
    except (click.ClickException, ValueError) as error:
        return f"{line}: {error.format_message() if isinstance(error, click.ClickException) else error}"
    return ""


def _must_name_a_server(command: click.Command, given: dict[str, Any]) -> None:
    """Most commands are refused where nothing says which server is meant."""
    assert isinstance(command, Command)
    spec, names = command.spec, ("service", "words", "text", "port", "pid", "cmdline", "hung", "url", "worker_memory")
    if (spec.service or spec.targets) and not any(given.get(name) for name in names):
        raise click.UsageError("no server is named")


@functools.cache
def _application() -> click.Group:
    return application()


def _parse(words: list[str]) -> None:
    root = _application()
    with click.Context(root, info_name="wd") as above:
        root.parse_args(above, words)
        group, rest = root, [*above._protected_args, *above.args]
        while rest:  # a group alone lists its commands
            _, found, rest = group.resolve_command(above, rest)
            assert found is not None
            if not isinstance(found, click.Group):
                with contextlib.redirect_stdout(io.StringIO()):  # a page that was asked for
                    _must_name_a_server(found, found.make_context(found.name, list(rest), parent=above).params)
                return
            group = found
