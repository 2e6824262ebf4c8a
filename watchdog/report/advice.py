"""What to do now, with commands that run as they stand: the one place that writes a command of wd into advice."""

from __future__ import annotations

import shlex

from watchdog.model.causes import Advice
from watchdog.model.evidence import Evidence
from watchdog.model.finding import Culprit

_WORDS: dict[Advice, str] = {
    "none": "nothing",
    "wait": "wait, and look again",
    "fix-config": "fix the configuration; a restart would bring the same back",
    "call-a-person": "call a person: a restart will not help",
}


def now(advice: Advice, culprit: Culprit | None, evidence: Evidence) -> str:
    """One sentence; each command in it stands between backticks."""
    if advice == "restart-worker":
        return f"end the stuck worker alone; its master replaces it: `{worker(culprit, evidence)}`"
    if advice != "restart":
        return _WORDS[advice]
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
