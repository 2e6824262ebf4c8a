"""The page beside the loop: `wd watch --web ADDRESS` runs `wd web ADDRESS` as a child of its own."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import Any

import click

from watchdog.model.errors import WrongUsage
from watchdog.steps.spec import Context, StepResult

_ENTRY = "watchdog.cli.page_child:serve"
_OWN_WORDS = 4  # of `interpreter.command`: the root, the module and the function stand before ours


def watch(context: Context, options: Mapping[str, Any]) -> StepResult:
    """`wd watch`; what is wrong with the page is said before the loop begins."""
    from watchdog.system.child import interpreter
    from watchdog.watch.daemon import watch as run

    if not options.get("web"):
        return run(context, options)
    from watchdog.web.command import entrance

    words = shlex.split(options["web"])
    entrance(context, _parsed(words))
    page = interpreter.command(_ENTRY, "--home", str(context.home), "web", *words, light=False)
    return run(context, {**options, "page": page})


def _parsed(words: list[str]) -> dict[str, Any]:
    """What stands behind `--web`, by the rules of `wd web`. WrongUsage if it does not fit."""
    from watchdog.cli.build import command
    from watchdog.cli.commands import COMMANDS

    try:
        return command(COMMANDS["web"], lambda spec, values: 0).make_context("wd web", list(words)).params  # type: ignore[arg-type, return-value]
    except click.UsageError as error:
        raise WrongUsage(
            f"--web: {error.format_message()}", todo="`wd web --help` lists what may stand there."
        ) from None


def serve() -> None:
    """In the child."""
    from watchdog.cli.main import main

    main(sys.argv[_OWN_WORDS:])
