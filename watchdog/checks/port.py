"""Does somebody else hold the service's port?"""

from __future__ import annotations

from collections.abc import Sequence

from watchdog.checks.kind import CheckKind
from watchdog.model.kinds import Key
from watchdog.model.playbook import CheckSpec, Playbook
from watchdog.model.probing import CheckResult, CheckState
from watchdog.model.process import Process
from watchdog.system.net import ports
from watchdog.system.process import processes
from watchdog.targets import expected, originals


def check(spec: CheckSpec, playbook: Playbook) -> CheckResult:
    state, message = _judge(int(spec.subject), playbook)
    return CheckResult(spec.name, state, message, 0.0)


def _judge(port: int, playbook: Playbook) -> tuple[CheckState, str]:
    found = ports.listeners(port)
    if not found:
        if ports.can_bind(port):
            return "ok", f"port {port} is free"
        return "warning", f"port {port}: {ports.why_not_bound(port)}"
    pids = sorted({pid for listener in found for pid in listener.holders})
    looked = [process for process in map(processes.read, pids) if process is not None]
    if not looked:
        return "unknown", f"port {port} is held by a process that may not be seen"
    holders = list(originals.with_commands(looked).values())
    wanted = expected.of(playbook)
    if not wanted.words:
        return "ok", f"port {port} is held by {_names(holders)}"
    # One holder that is the program vouches for the socket that they share.
    answer = wanted.is_run_by(holders)
    if answer == "yes":
        return "ok", f"port {port} is held by the service: {_names(wanted.among(holders) or holders)}"
    if answer == "unknown":
        return "unknown", f"port {port} is held by a process whose program cannot be read: {_names(holders)}"
    return "critical", f"port {port} is held by another program: {_names(holders)}"


def _names(found: Sequence[Process]) -> str:
    shown = ", ".join(f"pid {process.pid} ({process.shown(120)})" for process in found[:3])
    return shown + (f" and {len(found) - 3} more" if len(found) > 3 else "")


KIND = CheckKind(
    Key("port", "port", "the port that must be ours"),
    "Does another program hold the port?",
    check,
    warning="it cannot be bound",
    critical="another program holds it",
)
