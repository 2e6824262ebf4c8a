"""The pages of `wd --help`, `wd COMMAND --help` and the man page: groups, what a command changes, examples, exit codes.

Imported only when a page is shown. A test holds that every command has a page and that every example can be parsed.
"""

from __future__ import annotations

from collections.abc import Iterable

from watchdog.cli.manual_loop import LOOP
from watchdog.cli.manual_parts import ACTS, EXITS, NOTHING, STATES, Manual
from watchdog.cli.manual_servers import SERVERS
from watchdog.steps.spec import StepSpec

__all__ = ["EXITS", "GROUPS", "PAGES", "Manual", "groups", "page"]

GROUPS: dict[str, tuple[str, ...]] = {
    "Right now": ("ps", "why", "find", "snapshot", "kill", "run"),
    "Services": ("status", "logs", "start", "stop", "restart", "verify", "check"),
    "Between two programs": ("sidecar",),
    "Many hosts": ("fleet",),
    "The loop": ("watch", "web", "tick", "explain", "yes", "no", "snooze", "resume", "ack", "replay", "schedule"),
    "After an incident": ("incidents", "leak", "workers", "guard"),
    "Setting up": ("init", "validate", "runbooks", "schema", "doctor", "demo", "completion", "man"),
    "Inside a runbook": ("http", "exec", "wait", "notify", "report"),
}

PAGES: dict[str, Manual] = {**SERVERS, **LOOP}


def page(spec: StepSpec) -> Manual:
    """The page of a command; one without one gets what its spec tells."""
    words = " ".join(["wd", spec.name, *(f"{one.name.upper()}" for one in spec.arguments if one.required)])
    line = f"{words} --service shop" if spec.service else words
    examples = ((line, spec.summary), (f"{line} -o json", "the same, with the result as JSON"))
    changes = "It may change the service." if spec.changes else NOTHING
    return PAGES.get(spec.name) or Manual(changes, examples, ACTS if spec.changes else STATES)


def groups(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """`GROUPS`, with the commands that stand in none of them at the end of the last one."""
    last = next(reversed(GROUPS))
    more = set(names).difference(*GROUPS.values())
    return {**GROUPS, last: (*GROUPS[last], *sorted(more))}
