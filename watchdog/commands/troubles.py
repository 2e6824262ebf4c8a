"""Which runs of the journal are troubles of a service, and which are what people and timetables did."""

from __future__ import annotations

from watchdog.model.incident import Incident
from watchdog.steps.registry import SPECS

_BAD_ENDS = ("recovered", "failed", "interrupted", "running")


def is_trouble(one: Incident) -> bool:
    """The loop acted on what it saw, or a runbook dealt with a sick server.

    A single command by hand, a refusal that a person got and a planned run that went well are none.
    """
    if one.trigger.kind in ("cron", "every"):
        return one.outcome in ("failed", "interrupted")
    if one.trigger.kind != "person":
        return True
    if one.runbook in SPECS or one.outcome == "refused":
        return False
    return bool(one.cause or one.old_pids) or one.outcome in _BAD_ENDS
