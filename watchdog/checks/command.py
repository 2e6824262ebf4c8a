"""A program of the service's own: exit 0 is ok, 1 a warning, 2 critical, anything else could not tell."""

from __future__ import annotations

from typing import cast

from watchdog.checks.kind import CheckKind
from watchdog.model.kinds import Key
from watchdog.model.playbook import CheckSpec, Playbook
from watchdog.model.probing import CheckResult, CheckState
from watchdog.system.child import commands, service_env
from watchdog.text.units import format_duration

_KEPT = 4000  # characters of the output's end
_STATES: dict[int | None, CheckState] = {0: "ok", 1: "warning", 2: "critical"}


def check(spec: CheckSpec, playbook: Playbook) -> CheckResult:
    """Run as the service's user in the service's environment, so that it sees what the service sees."""
    try:
        environment = service_env.environment(playbook.start)
    except (OSError, LookupError, ValueError) as error:
        return CheckResult(spec.name, "unknown", str(error), 0.0)
    words = cast(tuple[str, ...], tuple(spec.subject))
    done = commands.run(words, timeout=spec.timeout, cwd=spec.setting("cwd"), env=environment, user=playbook.start.user)
    output = done.output[-_KEPT:]
    if done.error:
        return CheckResult(spec.name, "unknown", f"could not be run: {done.error}", done.seconds, output)
    if done.timed_out:
        limit = format_duration(spec.timeout)
        return CheckResult(spec.name, "unknown", f"no end within {limit}; it was ended", done.seconds, output)
    if done.signal is not None:
        return CheckResult(spec.name, "unknown", f"ended by signal {done.signal}", done.seconds, output)
    last = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "")
    said = f"exit code {done.code}" + (f": {last[:200]}" if last else "")
    return CheckResult(spec.name, _STATES.get(done.code, "unknown"), said, done.seconds, output)


KIND = CheckKind(
    Key("command", "words", "a program of yours"),
    "A program of yours: exit 0 is ok, 1 a warning, 2 critical, anything else unknown.",
    check,
    keys=(Key("cwd", "file", "its folder; by default the home", default="."),),
    warning="exit 1",
    critical="exit 2 (0 is ok, all else unknown)",
)
