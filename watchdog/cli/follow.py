"""`wd status`, once or again and again on the same screen."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from watchdog.steps import status as step
from watchdog.steps.spec import Context, StepResult

_EVERY = 2.0  # seconds


def status(context: Context, options: Mapping[str, Any]) -> StepResult:
    """With --follow until Ctrl-C; the last look is the result."""
    if not options.get("follow"):
        return step.status(context, options)
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    last = step.status(context, options)
    try:
        with Live(Text(last.text), console=Console(), auto_refresh=False, screen=False) as screen:
            while True:
                time.sleep(_EVERY)
                last = step.status(context, options)
                screen.update(Text(last.text), refresh=True)
    except KeyboardInterrupt:
        return StepResult(last.outcome, last.message, exit=last.exit, text=" ")
