"""Click commands made from step specs: the options of the step, the selectors, and what every command has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from watchdog.model.errors import WrongUsage
from watchdog.model.exits import Exit
from watchdog.steps.parse import COUNT, DURATION, SERVICE, parameters
from watchdog.steps.spec import StepSpec

OUTPUTS = ("table", "json", "pids", "plain")
Runner = Callable[[StepSpec, dict[str, Any]], Exit]


def everywhere() -> list[click.Parameter]:
    """The options of every command."""
    return [
        click.Option(["--home"], metavar="DIR", help="folder with playbooks/, runbooks/, logs/ (or $WD_HOME)"),
        click.Option(["-o", "--output"], type=click.Choice(OUTPUTS), help="format of the result"),
        click.Option(["-q", "--quiet"], is_flag=True, help="print only the result"),
        click.Option(["-v", "--verbose"], is_flag=True, help="print more details"),
    ]


def selectors() -> list[click.Parameter]:
    """What names a server; several narrow each other."""
    return [
        click.Option(["--port"], type=COUNT, help="the server that listens on this port"),
        click.Option(["--cmdline"], metavar="TEXT", help="words of its command line, in order"),
        click.Option(["--regex"], is_flag=True, help="--cmdline is a regular expression"),
        click.Option(["--pid"], metavar="PID", help="the server of this process"),
        click.Option(["--service"], type=SERVICE, metavar="NAME", help="a service of the home"),
        click.Option(["--hung"], is_flag=True, help="servers that do not answer"),
        click.Argument(["words"], type=SERVICE, nargs=-1, metavar="[SERVICE] [:PORT] [-]"),
    ]


def of_service() -> list[click.Parameter]:
    return [click.Option(["--service"], type=SERVICE, metavar="NAME", help="a service of the home")]


def bare_name() -> list[click.Parameter]:
    """A service by its name alone, where no other word can stand."""
    return [click.Argument(["words"], type=SERVICE, nargs=-1, metavar="[SERVICE]")]


def of_change() -> list[click.Parameter]:
    return [
        click.Option(["--dry-run"], is_flag=True, help="print the plan, change nothing"),
        click.Option(["-y", "--yes"], is_flag=True, help="answer every question with yes"),
    ]


def command(spec: StepSpec, run: Runner) -> click.Command:
    """The command of one spec. Options of the step win over those that every command has."""
    made: list[click.Parameter] = list(parameters(spec))
    taken = {parameter.name for parameter in made}
    if "words" in taken and spec.targets:
        raise AssertionError(f"{spec.name}: a step with selectors cannot have an argument named words")
    more: list[click.Parameter] = []
    if spec.targets:
        more += selectors()
    elif spec.service:
        more += of_service()
    if not spec.targets and not spec.arguments and (spec.service or "service" in taken):
        more += bare_name()
    if spec.changes:
        more += of_change()
    if spec.targets and "within" not in taken:
        more.append(click.Option(["--within"], type=DURATION, help="time limit for the command"))
    made += [parameter for parameter in [*more, *everywhere()] if parameter.name not in taken]

    def call(**values: Any) -> Exit:
        return run(spec, values)

    return Command(
        spec.name.rpartition(" ")[2],
        spec,
        params=made,
        callback=call,
        help=f"{spec.summary[:1].upper()}{spec.summary[1:]}.",
        short_help=spec.summary,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


class Command(click.Command):
    """A command whose page is laid out by `pages`: common options first, then examples and exit codes."""

    def __init__(self, name: str, spec: StepSpec, **settings: Any) -> None:
        super().__init__(name, **settings)
        self.spec = spec

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What can be given once is not given twice: click would take the last one, and another server would end."""
        if not ctx.resilient_parsing:
            given = self.make_parser(ctx).parse_args(list(args))[2]
            twice = [one for one in given if isinstance(one, click.Option) and not one.multiple and not one.is_flag]
            for one in twice:
                if twice.count(one) > 1:
                    raise click.UsageError(f"{one.opts[-1]} is given twice", ctx)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from watchdog.cli import pages

        self.format_usage(ctx, formatter)
        pages.write_command(self, self.spec, ctx, formatter)


class Lazy(click.Group):
    """Commands made from specs when they are asked for; a name with a space makes a group."""

    def __init__(self, specs: Mapping[str, StepSpec], run: Runner, prefix: str = "", **settings: Any) -> None:
        super().__init__(**settings)
        self._specs, self._run, self._prefix = specs, run, prefix

    def _names(self) -> list[str]:
        inside = [name.removeprefix(self._prefix) for name in self._specs if name.startswith(self._prefix)]
        return list(dict.fromkeys(name.partition(" ")[0] for name in inside))

    def _harmless(self) -> list[str]:
        """What may be proposed for a typo. Nothing that ends or starts a server: a tired person presses Enter."""
        specs = {name: self._specs.get(self._prefix + name) for name in self._names()}
        return [name for name, spec in specs.items() if spec is None or not spec.changes]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from watchdog.cli import pages

        summaries = {name: self.summary(name) for name in self.list_commands(ctx)}
        pages.write_commands(summaries, formatter, grouped=not self._prefix)

    def summary(self, name: str) -> str:
        """One line about a command, or what a group of commands holds. No command is made for it."""
        spec = self._specs.get(self._prefix + name)
        inner = f"{self._prefix}{name} "
        below = (key.removeprefix(inner) for key in self._specs if key.startswith(inner))
        return spec.summary if spec else ", ".join(below)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return self._names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = self._prefix + cmd_name
        if name in self._specs:
            return command(self._specs[name], self._run)
        inner = name + " "
        if not any(key.startswith(inner) for key in self._specs):
            return None
        summary = self.summary(cmd_name)
        return Lazy(self._specs, self._run, inner, name=cmd_name, short_help=summary)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            import difflib

            near = difflib.get_close_matches(name, self._names(), 1)
            proposed = near and near[0] in self._harmless()  # the next best would only mislead
            hint = f"Did you mean `wd {self._prefix}{near[0]}`?" if proposed else "`wd --help` lists the commands."
            raise WrongUsage(f"unknown command: wd {self._prefix}{name}", todo=hint)
        return super().resolve_command(ctx, args)
