"""The process is stopped by a signal (SIGSTOP, SIGTSTP, Ctrl-Z): state T."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.view import View
from watchdog.model.finding import Finding

PREVENT = (
    "Find who sent the stop signal (a debugger, Ctrl-Z in a terminal, a tool that freezes and forgets to continue). "
    "Start services detached from terminals."
)


def rule(view: View) -> Iterator[Finding]:
    stopped = [process for process in view.processes.values() if process.state == "T"]
    if not stopped:
        return
    everybody = len(stopped) == len(view.processes)
    pids = ", ".join(str(process.pid) for process in stopped)
    yield Finding(
        cause="stopped",
        certainty="certain" if everybody or not view.answers_well else "likely",
        summary=f"process {pids} is stopped by a signal: it does nothing until it gets SIGCONT",
        evidence=tuple(f"threads.json#pid={process.pid}" for process in stopped),
        prevent=PREVENT,
        details=(f"kill -CONT {' '.join(str(process.pid) for process in stopped)} would let it go on as it was",),
    )
