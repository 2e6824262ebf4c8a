"""A trouble can end while a run prepares its kill: the probe that saw it is asked once more."""

from __future__ import annotations

from watchdog.policy.judge import Signs, judge
from watchdog.probes import registry
from watchdog.probes.run import probe
from watchdog.system import clock
from watchdog.watch.loop_messages import Trouble


def why_over(trouble: Trouble) -> str:
    """Why nothing has to be ended any more; empty while the trouble lasts.

    By the rule by which it began: with `fails: 3 of 5` one good answer does not end it. A measure over its limit, a
    line in a log and a death are not asked about: an answer says nothing about them.
    """
    watched, spec = trouble.watched, trouble.spec
    if spec is None or not registry.answers(spec.kind) or watched.wrong_program:
        return ""
    sample = probe(spec, watched.playbook, watched.tree)
    if sample.verdict not in ("ok", "slow"):
        return ""
    signs = Signs(identity=str(watched.identity) if watched.identity else "")
    judged = judge(watched.state(spec.name), sample, spec.threshold, clock.monotonic(), signs)
    return "" if judged.trouble else f"the probe {spec.name} is answered again"
