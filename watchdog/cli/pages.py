"""Lays out the pages of help: the commands in groups, and one page a command. Imported only when a page is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import click

from watchdog.cli.manual import EXITS, Manual, groups, page
from watchdog.steps.spec import StepSpec


def write_commands(summaries: Mapping[str, str], formatter: click.HelpFormatter, grouped: bool) -> None:
    """Each command with one line. `grouped`: under the titles of `manual.groups`."""
    names = list(summaries)
    parts = groups(names) if grouped else {"Commands": tuple(names)}
    for title, members in parts.items():
        rows = [(name, summaries[name]) for name in members if name in names]
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


def write_command(command: click.Command, spec: StepSpec, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """One sentence, what it changes, common options first, examples, exit codes."""
    manual = page(spec)
    formatter.write_paragraph()
    formatter.write_text(f"{command.help} {manual.changes}")
    if spec.help:
        formatter.write_paragraph()
        formatter.write_text(spec.help)
    _write_options(command, ctx, formatter, manual)
    with formatter.section("Examples"):
        formatter.write_dl([(line, f"{what[:1].upper()}{what[1:]}.") for line, what in manual.examples], col_max=50)
    with formatter.section("Exit codes"):
        formatter.write_dl([(str(int(code)), EXITS[code]) for code in manual.exits])


def _write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter, manual: Manual) -> None:
    options = [one for one in command.get_params(ctx) if isinstance(one, click.Option) and not one.hidden]
    by_name = {one.opts[-1]: one for one in options}
    common = [by_name[name] for name in manual.common]
    rest = [one for one in options if one not in common]
    for title, part in (("Common options", common), ("More options" if common else "Options", rest)):
        rows = list(_rows(part, ctx))
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


def _rows(options: Iterable[click.Option], ctx: click.Context) -> Iterable[tuple[str, str]]:
    return (row for one in options if (row := one.get_help_record(ctx)) is not None)
