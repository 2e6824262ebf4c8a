"""`check`: is what the service owns sound? A plugin as it stands: one line, exit code 0 to 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from watchdog.checks import run
from watchdog.model.errors import Refused
from watchdog.model.exits import Exit
from watchdog.model.probing import CheckResult, CheckState
from watchdog.steps.bounds import time_left
from watchdog.steps.spec import Context, StepResult
from watchdog.text.printable import printable

# The worst comes last; "could not tell" is worse than a warning and better than what is known to be broken.
_ORDER: tuple[CheckState, ...] = ("ok", "warning", "unknown", "critical")


def check(context: Context, options: Mapping[str, Any]) -> StepResult:
    """All checks of the playbook, one after the other; the worst answer is the exit code."""
    playbook = context.playbook
    if playbook is None:
        raise Refused("no service was named", todo="Name one: `wd check NAME`")
    if not playbook.checks:
        return StepResult(
            "nothing", f"the playbook of {playbook.service} has no checks", {"checks": []}, exit=Exit.FINE
        )
    if context.dry_run:
        names = ", ".join(spec.name for spec in playbook.checks)
        return StepResult("planned", f"would ask: {names}", {"checks": []})
    found: list[CheckResult] = []
    for spec in playbook.checks:
        if context.deadline is not None and time_left(context, spec.timeout) < min(0.05, spec.timeout):
            found.append(CheckResult(spec.name, "unknown", "no time was left to ask", 0.0))
            continue
        found.append(run.check(spec, playbook))
    context.found.checks = tuple(found)
    return _result(playbook.service, found)


def _result(service: str, found: list[CheckResult]) -> StepResult:
    worst = max((one.state for one in found), key=_ORDER.index)
    told = [one for one in found if one.state != "ok"]
    message = "; ".join(f"{one.name} {one.state}: {one.message}" for one in told) or f"{len(found)} checks ok"
    perfdata = " ".join(f"'{printable(one.name)}'={one.seconds:.3f}s" for one in found)
    line = f"{worst.upper()} - {service}: {printable(message).replace('|', '/')} | {perfdata}"
    data = {"checks": [{**one.record(), "output": one.output} if one.output else one.record() for one in found]}
    return StepResult("failed" if worst == "critical" else worst, message, data, text=line)


assert set(_ORDER) == set(get_args(CheckState))
