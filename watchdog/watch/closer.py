"""Looks closer at a server while the loop still counts its failures.

What is seen then costs no second of the outage: when the decision falls, the cause is known already, and the server can
be ended at once.
"""

from __future__ import annotations

from watchdog.evidence import logs
from watchdog.evidence.gather import gather
from watchdog.model.playbook import ProbeSpec
from watchdog.policy.pressure import common_cause
from watchdog.steps.snapshot import configured, known_exits, known_logs
from watchdog.steps.spec import Context
from watchdog.system import clock
from watchdog.watch import looking
from watchdog.watch.house import House
from watchdog.watch.judge import Judged, needed
from watchdog.watch.watched import Watched, triggers_of

FRESH = 30.0  # seconds for which evidence of the counting serves the run that follows
_LEAST, _MOST = 0.5, 6.0  # seconds worth a look; and of one look


class Closer:
    """One look at a time, over all services: a machine in trouble must not be loaded by those who watch it."""

    def __init__(self, house: House) -> None:
        self._house = house

    def failed(self, watched: Watched, spec: ProbeSpec, judged: Judged) -> None:
        """A failure was counted and it is not trouble yet: look, in a thread of its own, until it could be."""
        missing = needed(spec.threshold)[0] - judged.state.recent.count("f")
        seconds = min(_MOST, missing * max(spec.every, spec.timeout))
        if judged.state.level != "failing" or seconds < _LEAST or not self._is_worth_it(watched, spec):
            return
        with self._house.lock:
            if self._house.looking:
                return
            self._house.looking = watched.name
        self._house.beside(lambda: self._look(watched, seconds))

    def _is_worth_it(self, watched: Watched, spec: ProbeSpec) -> bool:
        acts = watched.playbook.policy.mode != "observe" and bool(triggers_of(watched.playbook, spec.name))
        return acts and not watched.acting and watched.gave_up is None and not common_cause(self._house.failing())

    def _look(self, watched: Watched, seconds: float) -> None:
        try:
            tree = looking.current(watched)
            context = self._house.context(watched)
            tails = logs.tails(known_logs(context, {}))
            seen = gather(tree, configured(watched.playbook), seconds, False, tails, known_exits(context))
            if not watched.acting:
                watched.evidence = seen
        finally:
            with self._house.lock:
                self._house.looking = ""


def hand_over(watched: Watched, context: Context) -> None:
    """Give a run what was seen while counting, if it is of the same process and fresh."""
    seen, watched.evidence = watched.evidence, None
    if seen is None or seen.tree is None or clock.now() - seen.taken > FRESH:
        return
    if seen.tree.root.identity == watched.identity:
        context.found.evidence, context.found.tree = seen, seen.tree
