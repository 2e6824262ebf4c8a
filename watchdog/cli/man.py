"""`wd man`: the man page, made from the same specs and pages as the help. View it with `wd man | man -l -`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from watchdog.cli.build import Command
from watchdog.cli.manual import EXITS, groups, page
from watchdog.steps.spec import Context, StepResult


def man(context: Context, options: Mapping[str, Any]) -> StepResult:
    """The page as roff text."""
    from watchdog.cli.application import HELP, application
    from watchdog.model.release import VERSION

    text = "\n".join(_page(application(), HELP, VERSION)) + "\n"
    return StepResult("ok", "the man page", {"page": text}, text=text.rstrip("\n"))


def _page(root: click.Group, summary: str, version: str) -> Iterator[str]:
    yield f'.TH WD 1 "" "wd {version}" "User commands"'
    yield from (".SH NAME", r"wd \- find, explain, end and restart a Python server that hangs")
    yield from (".SH SYNOPSIS", r".B wd", r"[\fIOPTIONS\fR] \fICOMMAND\fR [\fIARGUMENTS\fR]")
    yield from (".SH DESCRIPTION", _roff(summary.partition("\b")[0].strip()))
    with click.Context(root, info_name="wd") as above:
        for title, names in groups(root.list_commands(above)).items():
            yield f'.SH "{title.upper()}"'
            for name in names:
                found = root.get_command(above, name)
                assert found is not None, name
                yield from _commands(found, f"wd {name}", above)
    yield ".SH EXIT STATUS"
    for code, meaning in EXITS.items():
        yield from (".TP", str(int(code)), _roff(meaning))


def _commands(command: click.Command, name: str, above: click.Context) -> Iterator[str]:
    with click.Context(command, parent=above, info_name=command.name) as ctx:
        if isinstance(command, click.Group):
            for inner in command.list_commands(ctx):
                found = command.get_command(ctx, inner)
                assert found is not None, inner
                yield from _commands(found, f"{name} {inner}", ctx)
            return
        assert isinstance(command, Command)
        manual = page(command.spec)
        yield from (f'.SS "{name}"', _roff(f"{command.help} {manual.changes}"))
        for one in command.get_params(ctx):
            if row := one.get_help_record(ctx):
                yield from (".TP", rf"\fB{_roff(row[0])}\fR", _roff(row[1]))
        for line, what in manual.examples:
            yield from (".TP", rf"\fB{_roff(line)}\fR", _roff(f"{what[:1].upper()}{what[1:]}."))


def _roff(text: str) -> str:
    """Plain text for roff: no escape, no request, one line."""
    line = " ".join(text.split()).replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{line}" if line.startswith((".", "'")) else line
