"""Looks closer at a server while the loop still counts its failures.

What is seen then costs no second of the outage: when the decision falls, the cause is known already, and the server can
be ended at once.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from dataclasses import replace

from watchdog.evidence import logs
from watchdog.evidence.gather import gather
from watchdog.evidence.known import configured, known_exits, known_logs
from watchdog.model.playbook import ProbeSpec
from watchdog.policy.judge import Judged, needed
from watchdog.probes import registry
from watchdog.steps.spec import Context
from watchdog.system import clock
from watchdog.watch import looking
from watchdog.watch.loop_state import SIDE_BY_SIDE, LoopState
from watchdog.watch.open_questions import ProbesQuestion, Question
from watchdog.watch.watched import Watched, triggers_of

_LONG, _SHARE = 0.5, 0.35  # parts of a question's time: when it begins to take long, and for how long to look then
_LEAST_OPEN = 0.25  # seconds: what is shorter than that leaves no time to look
_PAUSE = 0.1  # seconds between two looks for questions that take long
_SELDOM = 60.0  # seconds between two looks at a server that is only slow
FRESH = 30.0  # seconds for which evidence of the counting serves the run that follows
_IN_TIME = 0.8  # of the time until a decision may fall: a look that ends later is of no use to the run
_LEAST, _MOST = 0.5, 6.0  # seconds worth a look; and of one look


class EarlyEvidence:
    """A few looks at a time, over all services: a machine in trouble must not be loaded by the one who watches it."""

    def __init__(self, state: LoopState) -> None:
        self._state = state
        self._open: list[tuple[float, int, Question]] = []  # a heap: when it is late, a number, the question
        self._number = itertools.count()
        self._changed = threading.Condition()
        self._last: dict[tuple[str, str], tuple[Question, ...]] = {}
        self._runs = False

    def start(self) -> None:
        """From now on questions that take long are noticed while they are open."""
        self._runs = True
        threading.Thread(target=self._wait, daemon=True, name="wd-early-evidence").start()

    def asked(self, watched: Watched, spec: ProbeSpec) -> Question:
        """A question begins. Its `sample` is set when it is over."""
        question = Question(watched, spec, clock.monotonic())
        key = (watched.name, spec.name)
        self._last[key] = (*self._last.get(key, ())[-1:], question)
        if self._runs and spec.timeout * _LONG >= _LEAST_OPEN and registry.answers(spec.kind):
            with self._changed:
                heapq.heappush(self._open, (clock.monotonic() + spec.timeout * _LONG, next(self._number), question))
                if len(self._open) == 1 or spec.timeout * _LONG < _PAUSE * 2:
                    self._changed.notify()
        return question

    def _wait(self) -> None:
        while True:
            late = []
            with self._changed:
                while self._open and (self._open[0][2].sample or self._open[0][0] <= clock.monotonic()):
                    late.append(heapq.heappop(self._open)[2])
                if not any(question.sample is None for question in late):
                    # Most are answered long before: to wake for each of them would cost more than it tells.
                    self._changed.wait(max(_PAUSE, self._open[0][0] - clock.monotonic()) if self._open else None)
            for question in late:
                if question.sample is None:
                    self._takes_long(question)

    def _takes_long(self, question: Question) -> None:
        """Half the time is over: look now, so that nothing has to be looked at when all of it is."""
        watched, now = question.watched, clock.monotonic()
        if now - watched.looked_closely_at >= _SELDOM and self._is_worth_it(watched, question.spec):
            watched.looked_closely_at = now
            self._begin(watched, question.spec, question.spec.timeout * _SHARE)

    def failed(self, watched: Watched, spec: ProbeSpec, judged: Judged) -> None:
        """A failure was counted and it is not trouble yet: look, in its own thread, until it could be."""
        missing = needed(spec.threshold)[0] - judged.state.recent.count("f")
        seconds = min(_MOST, _IN_TIME * missing * max(spec.every, spec.timeout))
        if judged.state.level == "failing" and seconds >= _LEAST and self._is_worth_it(watched, spec):
            self._begin(watched, spec, seconds)

    def _is_worth_it(self, watched: Watched, spec: ProbeSpec) -> bool:
        acts = watched.playbook.policy.mode != "observe" and bool(triggers_of(watched.playbook, spec.name))
        return acts and not watched.acting and watched.stored.gave_up is None

    def _begin(self, watched: Watched, spec: ProbeSpec, seconds: float) -> None:
        with self._state.lock:
            if watched.name in self._state.looking or len(self._state.looking) >= SIDE_BY_SIDE:
                return
            self._state.looking.add(watched.name)
        self._state.beside(lambda: self._look(watched, spec, seconds))

    def _look(self, watched: Watched, spec: ProbeSpec, seconds: float) -> None:
        try:
            tree = looking.current(watched)
            context = self._state.context(watched)
            tails = logs.tails(known_logs(context.playbook, context.state))
            facts, exits = configured(watched.playbook), known_exits(context.playbook, context.state, context.journal)
            question = self._probes_question(watched, spec)
            seen = gather(tree, facts, seconds, False, tails, exits, question)
            if not watched.acting:
                watched.evidence, watched.answers_since = seen, question.answers if question else None
        finally:
            with self._state.lock:
                self._state.looking.discard(watched.name)

    def _probes_question(self, watched: Watched, spec: ProbeSpec) -> ProbesQuestion | None:
        """The probe's own questions, where one is open or due soon: a server that answers one after the other would be
        too late for the probe because of a second one, and be ended for what we did."""
        key = (watched.name, spec.name)
        last = self._last.get(key, ())
        if spec not in watched.playbook.http_probes or not last:
            return None
        due = last[-1].begun + spec.every - clock.monotonic()
        if last[-1].sample is not None and due > spec.timeout:
            return None
        return ProbesQuestion(lambda: self._last.get(key, ()), clock.monotonic())


def hand_over(watched: Watched, context: Context) -> None:
    """Give a run what was seen while counting, if it is of the same process and fresh."""
    seen, watched.evidence = watched.evidence, None
    since, watched.answers_since = watched.answers_since, None
    if seen is None or seen.tree is None or clock.now() - seen.taken > FRESH:
        return
    if seen.tree.root.identity == watched.identity:
        context.found.tree = seen.tree
        # What was open then has been answered, or not, by now.
        context.found.evidence = replace(seen, answers=since()) if since is not None else seen
