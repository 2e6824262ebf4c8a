"""`wait`: for a time, or until the service is healthy."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from watchdog.model.errors import WrongUsage
from watchdog.model.playbook import ProbeSpec
from watchdog.probes import registry
from watchdog.probes.run import probe
from watchdog.steps.bounds import time_left
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock
from watchdog.text.units import format_duration, parse_duration

_PAUSE = 0.5  # seconds between two questions


def wait(context: Context, options: Mapping[str, Any]) -> StepResult:
    """WrongUsage for what is not a time; with `until-healthy` failed if no good answer came within it."""
    try:
        seconds = parse_duration(str(options["time"])[:32])
    except ValueError as error:
        raise WrongUsage(f"wait: {error}") from None
    asked = _health(context) if options["until_healthy"] else None
    if context.dry_run:
        return StepResult("planned", f"wait {format_duration(seconds)}" + (" or until it is healthy" if asked else ""))
    deadline = clock.Deadline(time_left(context, seconds))
    begun, last = clock.monotonic(), ""
    while not deadline.over:
        if asked and context.playbook:
            sample = probe(asked, context.playbook, context.found.tree)
            last = sample.message
            if sample.verdict in ("ok", "slow"):
                took = clock.monotonic() - begun
                return StepResult("ok", f"healthy after {format_duration(took)}: {last}", {"seconds": round(took, 3)})
        time.sleep(min(_PAUSE, deadline.left))
    waited = clock.monotonic() - begun
    data = {"seconds": round(waited, 3)}
    if asked:
        return StepResult("failed", f"not healthy within {format_duration(waited)}: {last}", data)
    return StepResult("ok", f"waited {format_duration(waited)}", data)


def _health(context: Context) -> ProbeSpec:
    """The probe that tells best whether the service serves; WrongUsage if the playbook has none that can tell."""
    best = registry.best_for_health(context.playbook.probes if context.playbook else ())
    if best is None:
        todo = "Add one, or wait for a time."
        raise WrongUsage("wait --until-healthy needs a playbook with an http probe", todo=todo)
    return best
