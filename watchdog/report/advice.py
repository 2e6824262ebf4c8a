"""What to do now, with commands that run as they stand: the one place that writes a command of wd into advice."""

from __future__ import annotations

import shlex

from watchdog.model.causes import Advice
from watchdog.model.evidence import Evidence
from watchdog.model.finding import Culprit, Finding

_WORDS: dict[Advice, str] = {
    "none": "nothing",
    "wait": "wait, and look again",
    "fix-config": "fix the configuration; a restart would bring the same back",
    "call-a-person": "call a person: a restart will not help",
}


def now(finding: Finding, evidence: Evidence) -> str:
    """One sentence; each command in it stands between backticks."""
    advice = finding.advice
    if advice == "restart-worker":
        return f"end the stuck worker alone; its master replaces it: `{worker(finding.culprit, evidence)}`"
    if advice == "call-a-person" and finding.remedy:
        return _by_a_person(finding, evidence)
    return _restart(evidence) if advice == "restart" else _WORDS[advice]


def _by_a_person(finding: Finding, evidence: Evidence) -> str:
    if finding.remedy == "continue":
        stopped = {look.process.pid: look.process.state == "T" for look in evidence.looks}
        pids = " ".join(str(pid) for pid, is_stopped in stopped.items() if is_stopped)
        return f"let the stopped process go on: `kill -CONT {pids}`. The rest of the server needs no restart"
    if finding.remedy == "end-connection":
        return (
            f"end the connection of {finding.peer or 'the client that does not read'}, at that client or at the proxy "
            f"in front: all who wait go on then. Waiting helps only if it begins to read. Else {_restart(evidence)}"
        )
    never = "these requests never end" if finding.certainty == "certain" else "nothing that wd sees ends these waits"
    return f"{never}, and waiting does not help. Others are answered. At a good moment: {_restart(evidence)}"


def _restart(evidence: Evidence) -> str:
    root = evidence.tree.root.pid if evidence.tree else 0
    if root == 1 and evidence.configured.service is None:
        return "restart its container: what is seen as process 1 is the container's own, and wd does not end it"
    if evidence.configured.service:
        what = "end it and start it again" if evidence.tree else "start it, and keep the evidence of its end"
        return f"{what}: `{restart(evidence)}`"
    if command := restart(evidence):
        return f"end it with `{command}`, and start it again"
    return "start it again"


def restart(evidence: Evidence) -> str:
    """Ends the server, and with a service starts it again; empty where nothing is there to be ended."""
    service = evidence.configured.service
    if service:
        return f"wd run frozen-server --service {shlex.quote(service)}"
    tree = evidence.tree
    if tree is not None and tree.ports:
        return f"wd kill --port {tree.ports[0]}"
    return f"wd kill --pid {tree.root.pid}" if tree is not None else ""


def worker(culprit: Culprit | None, evidence: Evidence) -> str:
    """Ends one worker by its pid: another run of wd knows nothing of this diagnosis."""
    pid = culprit.pid if culprit else None
    return f"wd kill --worker --pid {pid}" if pid else restart(evidence)
