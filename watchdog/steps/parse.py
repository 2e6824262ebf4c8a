"""Words to options: the same reading for a line of a runbook and for the shell, built on click."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from watchdog.model.errors import WdError, WrongUsage
from watchdog.steps.registry import SPECS
from watchdog.steps.spec import Argument, Option, StepSpec
from watchdog.text.units import format_duration, format_size, parse_duration, parse_size

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from watchdog.steps.names import Named


class Measure(click.ParamType[Any]):
    """A duration or a size: a number with its unit, which arrives as seconds or bytes."""

    def __init__(self, name: str, parse: Callable[[str], float], form: Callable[[float], str]) -> None:
        self.name, self._parse, self._form = name, parse, form

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, int | float):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = Measure("duration", parse_duration, format_duration)
SIZE = Measure("size", parse_size, format_size)


class Count(click.ParamType[Any]):
    """A whole number in plain digits: `int()` would also take "1_0", "+5" and digits of other scripts."""

    name = "number"

    def __init__(self, least: int = 0) -> None:
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, int):
            return value
        if not (value.isascii() and value.isdigit()) or len(value) > 10:
            self.fail(f"{value[:40]!r} is not a whole number", param, ctx)
        if int(value) < self._least:
            self.fail(f"{value} is too small: the least is {self._least}", param, ctx)
        return int(value)


class Name(click.ParamType[Any]):
    """A name of the home: any text, with the known names as proposals for TAB."""

    def __init__(self, kind: Named) -> None:
        self.name, self.kind = str(kind), kind

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        from watchdog.config.home import look_for_home
        from watchdog.steps.names import known

        with contextlib.suppress(WdError, OSError):  # TAB never prints an error
            home = look_for_home(ctx.params.get("home") or ctx.find_root().params.get("home")).home
            return [CompletionItem(name) for name in known(self.kind, home) if name.startswith(incomplete)]
        return []


COUNT = Count()
SERVICE = Name("service")
_TYPES: dict[str, click.ParamType[Any]] = {
    "text": click.STRING,
    "integer": COUNT,
    "duration": DURATION,
    "size": SIZE,
    "path": click.Path(),
    "words": click.STRING,
    "service": SERVICE,
    "runbook": Name("runbook"),
    "incident": Name("incident"),
}


def option(spec: Option) -> click.Option:
    """One option as click understands it."""
    names = [spec.short, spec.name] if spec.short else [spec.name]
    if spec.kind == "flag":
        return click.Option(names, is_flag=True, default=bool(spec.default), help=spec.help)
    kind = click.Choice(spec.choices) if spec.choices else Count(spec.least) if spec.least else _TYPES[spec.kind]
    given = {} if spec.default is None else {"default": spec.default}  # a default of None would satisfy `required`
    return click.Option(
        names,
        type=kind,
        **given,
        multiple=spec.many,
        required=spec.required,
        help=spec.help,
        metavar=spec.metavar or None,
        show_default=isinstance(spec.default, str | int),
    )


def argument(spec: Argument) -> click.Argument:
    kind = click.Choice(spec.choices) if spec.choices else _TYPES[spec.kind]
    return click.Argument([spec.name], type=kind, required=spec.required, nargs=-1 if spec.many else 1)


def parameters(spec: StepSpec) -> list[click.Parameter]:
    """The step's own options and arguments, without those that every command has."""
    return [*(option(one) for one in spec.options), *(argument(one) for one in spec.arguments)]


def parse_words(words: Sequence[str]) -> tuple[StepSpec, dict[str, Any]]:
    """A runbook's line, already split and filled in. WrongUsage for an unknown step or option."""
    if not words:
        raise WrongUsage("an empty line is not a step")
    spec = SPECS.get(words[0])
    if spec is None:
        known = ", ".join(SPECS)
        raise WrongUsage(f"{words[0]!r} is not a step", todo=f"The steps are: {known}.")
    command = click.Command(
        spec.name,
        params=parameters(spec),
        add_help_option=False,
        # What follows the program's name belongs to the program: `exec ls -l`.
        context_settings={"ignore_unknown_options": False, "allow_interspersed_args": spec.name != "exec"},
    )
    try:
        with command.make_context(spec.name, list(words[1:])) as context:
            return spec, dict(context.params)
    except click.ClickException as error:
        raise WrongUsage(f"{' '.join(words)}: {error.format_message()}") from error
