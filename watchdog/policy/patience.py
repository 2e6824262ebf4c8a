"""How long the loop is patient with a server: while it starts, and while evidence is kept. Pure."""

from __future__ import annotations

from watchdog.model.playbook import Playbook

STOPPING = 90.0  # seconds that a server may take to end after it has said STOPPING=1; systemd gives it as long
DRAIN = 30.0  # seconds for which a planned restart waits for requests under way
LEAST_EVIDENCE, MOST_EVIDENCE, EVIDENCE_SHARE = 0.2, 10.0, 0.1


def grace(playbook: Playbook) -> float:
    """Seconds after its own start in which a server's failures do not count: what the policy says, else what the start
    may take."""
    written = playbook.policy.grace
    return written if written is not None else playbook.start.ready.within


def evidence_time(playbook: Playbook, kind: str) -> float:
    """Seconds that evidence may stand between the decision and the kill: a small part of what detection takes.

    Who asks every second and gives up after two wants the server back; who asks every minute can wait for the cause.
    Where nothing runs any more (`kind` of the trigger is death) there is little to see, and a planned run is in no
    hurry.
    """
    if kind == "death":
        return 0.05
    if kind != "probe":
        return MOST_EVIDENCE
    detection = min((one.every * one.threshold.fails + one.timeout for one in playbook.http_probes), default=60.0)
    return min(MOST_EVIDENCE, max(LEAST_EVIDENCE, EVIDENCE_SHARE * detection))
