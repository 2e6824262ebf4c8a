"""`wd status` and `wd logs`, once or until Ctrl-C: on the same screen, or line after line into a pipe."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from watchdog.cli import show
from watchdog.cli.viewport import Viewport
from watchdog.commands import logs as log_lines
from watchdog.commands import status as step
from watchdog.model.exits import Exit
from watchdog.steps.spec import Context, StepResult
from watchdog.text.shown import shown_lines

_EVERY = 2.0  # seconds
_LOGS_EVERY = 0.25  # seconds


def status(context: Context, options: Mapping[str, Any]) -> StepResult:
    """With --follow until Ctrl-C, and then interrupted: the last look stays on the screen."""
    if not options.get("follow"):
        return step.status(context, options)
    output = options.get("output") or "table"
    data: dict[str, Any] = {}
    looks = _looks(context, options, data)
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        if sys.stdout.isatty() and output == "table":
            Viewport(lambda: show.with_home(shown_lines(next(looks).text)), _EVERY).follow()
            return StepResult("ok", "", data, exit=Exit.INTERRUPTED)
        for look in looks:
            _print(look, output)
            time.sleep(_EVERY)
    return StepResult("ok", "", data, exit=Exit.INTERRUPTED)


def logs(context: Context, options: Mapping[str, Any]) -> StepResult:
    """The last lines; with --follow also what is written from now on, until Ctrl-C."""
    found = log_lines.logs(context, options)
    if not options.get("follow"):
        return found
    follower = log_lines.Follower(log_lines.paths(context))
    output = options.get("output") or "table"
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        if output != "json":
            print(shown_lines(found.text), flush=True)
        while True:
            for log, line in follower.new_lines():
                print(show.json_line({"log": str(log), "line": line}) if output == "json" else line, flush=True)
            time.sleep(_LOGS_EVERY)
    return StepResult("ok", "", exit=Exit.INTERRUPTED)


def _looks(context: Context, options: Mapping[str, Any], last: dict[str, Any]) -> Iterator[StepResult]:
    while True:
        look = step.status(context, options)
        last.update(look.data)
        yield look


def _print(look: StepResult, output: str) -> None:
    """For the reader of a pipe: no escape codes, and nothing is kept back."""
    lines = [show.json_line(row) for row in look.rows] if output == "json" else [show.with_home(shown_lines(look.text))]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
