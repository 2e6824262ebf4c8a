"""Words in, one exit code out, never a traceback: the commands, and what is said when one of them fails."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import click

from watchdog.cli.build import Lazy, everywhere
from watchdog.cli.commands import COMMANDS
from watchdog.model.errors import WdError, WrongUsage
from watchdog.model.exits import Exit
from watchdog.model.release import VERSION
from watchdog.steps.registry import SPECS
from watchdog.steps.spec import StepSpec

_WIDEST = 110  # columns of a page of help
HELP = """Finds the hung Python server, keeps the evidence, names the cause, ends the right tree and nothing else,
starts it again and proves that it is back.

\b
  wd ps --hung      which servers hang?
  wd why :8000      why, and at which line?
  wd kill :8000     end it: evidence first, proof after
  wd run frozen-server --service shop
                    all of it, with a start and a report
"""


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"wd {VERSION}")
        ctx.exit(0)


def _run(spec: StepSpec, values: dict[str, Any]) -> Exit:
    # Heavy rooms are imported only once a command really runs: `wd --help` must be quick on a sick machine.
    from watchdog.cli.session import perform

    above = click.get_current_context().find_root().params
    merged = {**values, **{key: above[key] for key in ("home", "output", "quiet", "verbose") if above.get(key)}}
    own = {key: value for key, value in values.items() if value}
    return perform(spec, {**merged, **own})


def _width() -> int:
    """Columns for a page of help. click would import shutil for it, which imports the compressors."""
    try:
        columns = int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size(1).columns
    except (OSError, ValueError):
        columns = 80
    return max(min(columns or 80, _WIDEST) - 2, 50)


def application() -> click.Group:
    return Lazy(
        {**SPECS, **COMMANDS},
        _run,
        name="wd",
        help=HELP,
        params=[
            *everywhere(),
            click.Option(["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_show_version),
        ],
        context_settings={"help_option_names": ["-h", "--help"], "terminal_width": _width()},
    )


def answer(words: Sequence[str]) -> int:
    """Run one command and return its exit code. An error is printed, with `-o json` as the result line too."""
    if os.environ.get("_WD_COMPLETE", "").startswith("powershell"):
        import watchdog.cli.completion  # noqa: F401 - click knows the other shells by itself
    try:
        code = application().main(args=list(words), prog_name="wd", standalone_mode=False)
        return int(code) if isinstance(code, int) else Exit.FINE
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return Exit.UNKNOWN
    except BrokenPipeError:  # `wd … | head -1`: who read us has seen enough
        return Exit.FINE
    except (KeyboardInterrupt, click.Abort):
        return _failure(WdError("interrupted"), Exit.INTERRUPTED, words)
    except Exception as error:  # the last edge: a defect of ours must still be one clear line
        if os.environ.get("WD_DEBUG") and not isinstance(error, WdError | click.ClickException | OSError):
            raise
        told = _in_words(error)
        return _failure(told, told.code, words)


def _failure(error: WdError, code: Exit, words: Sequence[str]) -> Exit:
    from watchdog.cli import show  # not for help and completion

    return show.failure(error, code, as_json=wants_json(words))


def _in_words(error: Exception) -> WdError:
    """Any exception as what happened, why, and what to type."""
    if isinstance(error, WdError):
        return error
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "wd"
        return WrongUsage(" ".join(error.format_message().split()), todo=f"`{command} --help` lists the options.")
    if isinstance(error, click.ClickException):
        return WrongUsage(error.format_message())
    if isinstance(error, RecursionError):
        return WrongUsage("the input is nested too deeply to be read")
    if isinstance(error, OSError):
        what = f"{error.strerror}: {error.filename}" if error.strerror and error.filename else str(error)
        return WdError(f"the system refused: {what}", todo="`wd doctor` looks for what is missing.")
    return WdError(
        f"a defect in wd: {type(error).__name__}: {error}", "Nothing more was done.", "WD_DEBUG=1 shows where."
    )


def wants_json(words: Sequence[str]) -> bool:
    """Whether the result was asked for as JSON, read from the words alone: they may be wrong otherwise."""
    found = ""
    for at, word in enumerate(words):
        if word == "--":
            break
        if word in ("-o", "--output"):
            found = words[at + 1] if at + 1 < len(words) else ""
        elif word.startswith("--output="):
            found = word.partition("=")[2]
        elif word.startswith("-o") and not word.startswith("--"):
            found = word[2:].removeprefix("=")
    return found == "json"
