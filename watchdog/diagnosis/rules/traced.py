"""A debugger or tracer holds the process: state t, or a tracer that keeps it from running."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.view import View
from watchdog.model.finding import Finding

PREVENT = "Do not attach debuggers to serving processes; read stacks without stopping (wd snapshot does)."


def rule(view: View) -> Iterator[Finding]:
    for process in view.processes.values():
        if process.state == "t":
            yield Finding(
                cause="traced",
                certainty="certain",
                summary=f"process {process.pid} is held by the debugger with pid {process.tracer}",
                evidence=(f"threads.json#pid={process.pid}",),
                prevent=PREVENT,
                details=(f"end or detach the tracer first: ps -p {process.tracer} -f",),
            )
