"""No process serves it: the last traceback, the last exit and the log tell why."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import logbook
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Exit
from watchdog.model.finding import Finding
from watchdog.text import exit_codes
from watchdog.text.units import format_duration

PREVENT = "Fix what its last lines name. A service manager, or `wd watch`, starts it again after a chance death."
STARTING = 10.0  # seconds: who ended before has failed to start


def rule(view: View) -> Iterator[Finding]:
    evidence = view.evidence
    if view.processes or evidence.listeners:
        return
    last = next((one for one in reversed(evidence.exits) if one.source in ("shim", "watched")), None)
    errors = logbook.all_tracebacks(evidence.logs)
    error = errors[-1] if errors and errors[-1].at <= 30 else None
    starting = last is not None and not last.by_wd and last.lifetime is not None and last.lifetime < STARTING
    frame = view.innermost(error.frames) if error else None
    words = error.short if error else next((line for log in evidence.logs for line in logbook.last_lines(log, 1)), "")
    yield Finding(
        cause="start-failed" if starting else "not-running",
        certainty="likely",
        summary=f"no process serves it{_ended(last)}{'; its last words: ' + words[:160] if words else ''}",
        instead="restart" if not starting else "call-a-person",
        culprit=view.culprit(frame),
        evidence=("exits", "log"),
        prevent=PREVENT,
        details=tuple(crash.last_lines[0] for crash in _crashes(view, last))
        + tuple(line for log in evidence.logs for line in logbook.last_lines(log, 5)),
    )


def _crashes(view: View, last: Exit | None) -> list[Exit]:
    """What the system's log of events says about that end."""
    return [one for one in view.evidence.exits if one.source == "event log" and last and one.pid == last.pid]


def _ended(last: Exit | None) -> str:
    if last is None:
        return ""
    code = f" with exit {exit_codes.in_words(last.code)}" if last.code is not None else ""
    how = f" by signal {last.signal}" if last.signal else code
    how += ", in a run of wd" if last.by_wd else ""
    how += f", at its limit (start.limits.{last.limit})" if last.limit else ""
    after = f", {format_duration(last.lifetime)} after its start" if last.lifetime is not None else ""
    return f": pid {last.pid} ended{how}{after}"
