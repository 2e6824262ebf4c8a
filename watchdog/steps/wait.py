"""`wait`: for a time, or until the service is healthy."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from watchdog.model.errors import WrongUsage
from watchdog.model.exits import Exit
from watchdog.model.playbook import ProbeSpec
from watchdog.probes.run import probe
from watchdog.steps.bounds import time_left
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock
from watchdog.text.units import format_duration, parse_duration

_PAUSE = 0.5  # seconds between two questions


def wait(context: Context, options: Mapping[str, Any]) -> StepResult:
    """WrongUsage for what is no time; with `until-healthy` failed if no good answer came within it."""
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
        return StepResult("failed", f"not healthy within {format_duration(waited)}: {last}", data, exit=Exit.CRITICAL)
    return StepResult("ok", f"waited {format_duration(waited)}", data)


def _health(context: Context) -> ProbeSpec:
    """The first http probe, or the first other one that connects; WrongUsage if the playbook has neither."""
    probes = context.playbook.probes if context.playbook else ()
    for kind in ("http", "tcp"):
        for spec in probes:
            if spec.kind == kind:
                return spec
    raise WrongUsage("wait --until-healthy needs a playbook with an http probe", todo="Give one, or wait for a time.")
