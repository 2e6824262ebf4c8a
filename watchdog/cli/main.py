"""The entry of `wd`: words in, one exit code out, never a traceback."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from watchdog.cli.build import Lazy, everywhere
from watchdog.cli.commands import COMMANDS
from watchdog.cli.release import VERSION
from watchdog.model.errors import WdError
from watchdog.model.exits import Exit
from watchdog.steps.registry import SPECS
from watchdog.steps.spec import StepSpec

HELP = """Finds the hung Python server, keeps the evidence, names the cause, ends the right tree and nothing else,
starts it again and proves that it is back.

\b
  wd ps --hung                 which servers hang?
  wd why :8000                 why, and at which line? nothing is touched
  wd kill --port 8000          end it: evidence first, proof after
  wd run frozen-server --service shop      the whole procedure, with a report
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
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )


def _say(lines: Sequence[str]) -> None:
    try:
        for number, line in enumerate(lines):
            print(f"wd: {line}" if number == 0 else f"    {line}", file=sys.stderr)
    except OSError:  # the terminal is gone: the exit code still tells
        pass


def call(words: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; every error has been told on standard error."""
    if os.environ.get("_WD_COMPLETE", "").startswith("powershell"):
        import watchdog.cli.completion  # noqa: F401 - click knows the other shells by itself
    try:
        code = application().main(args=words, prog_name="wd", standalone_mode=False)
        return int(code) if isinstance(code, int) else Exit.FINE
    except WdError as error:
        _say(error.lines())
        return error.code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return Exit.UNKNOWN
    except click.UsageError as error:
        where = f"`{error.ctx.command_path} --help` tells the options." if error.ctx else "`wd --help` tells more."
        _say([error.format_message(), where])
        return Exit.UNKNOWN
    except click.ClickException as error:
        _say([error.format_message()])
        return Exit.UNKNOWN
    except (KeyboardInterrupt, click.Abort):
        _say(["interrupted"])
        return Exit.INTERRUPTED
    except BrokenPipeError:  # `wd … | head -1`: who read us has seen enough
        return Exit.FINE
    except RecursionError:
        _say(["the input is nested too deeply to be read"])
        return Exit.UNKNOWN
    except OSError as error:
        _say([f"the system refused: {error}", "`wd doctor` looks for what is missing."])
        return Exit.UNKNOWN
    except Exception as error:  # the last edge: a defect of ours must still be one clear line
        if os.environ.get("WD_DEBUG"):
            raise
        _say([f"a defect in wd: {type(error).__name__}: {error}", "Nothing more was done.", "WD_DEBUG=1 shows where."])
        return Exit.UNKNOWN


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Run and leave. A flush into a closed pipe at the very end must not turn into a traceback, nor into code 120."""
    if hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    if sys.stdout is None or sys.stderr is None:  # `>&-`
        nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - lives as long as we do
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    code = call(words)
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    sys.exit(int(code))


if __name__ == "__main__":
    main()
