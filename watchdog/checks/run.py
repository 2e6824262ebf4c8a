"""Asks one consistency question within its time: is what the service owns sound? Nothing is changed."""

from __future__ import annotations

import threading
from dataclasses import replace

from watchdog.checks import command, disk, lockfile, pidfile, port, sqlite
from watchdog.checks.kind import CheckKind
from watchdog.model.playbook import CheckSpec, Playbook
from watchdog.model.probing import CheckResult
from watchdog.system import clock
from watchdog.text.redact import redact
from watchdog.text.units import format_duration

# One file a kind; a new kind is one file and one line.
_ALL: tuple[CheckKind, ...] = (
    command.KIND,
    sqlite.KIND,
    pidfile.KIND,
    lockfile.KIND,
    disk.KIND,
    port.KIND,
)
KINDS: dict[str, CheckKind] = {kind.name: kind for kind in _ALL}
_PATIENCE = 2.0  # seconds beyond the check's own time, which it should keep to by itself


def check(spec: CheckSpec, playbook: Playbook) -> CheckResult:
    """The answer; "unknown" if it could not be had in time. Never raises."""
    begun = clock.monotonic()
    answers: list[CheckResult] = []

    def ask() -> None:
        try:
            answers.append(KINDS[spec.kind].check(spec, playbook))
        except Exception as error:  # noqa: BLE001 - a check that breaks has no answer, and the others still count
            answers.append(CheckResult(spec.name, "unknown", f"{type(error).__name__}: {error}"[:300], 0.0))

    # A thread that can be left behind: a file on a dead network disk hangs the thread that looks at it.
    thread = threading.Thread(target=ask, name=f"check {spec.name}", daemon=True)
    thread.start()
    thread.join(spec.timeout + _PATIENCE)
    took = clock.monotonic() - begun
    if not answers:
        return CheckResult(spec.name, "unknown", f"no answer within {format_duration(spec.timeout)}", took)
    found = answers[0]
    return replace(found, message=redact(found.message), output=redact(found.output), seconds=took)
