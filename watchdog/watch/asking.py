"""The mode `ask`: a person is asked before anything is done, once for each trouble, and only as long as it lasts."""

from __future__ import annotations

import threading
from dataclasses import replace

from watchdog.model.incident import Trigger
from watchdog.model.records import record
from watchdog.steps.notify import notify
from watchdog.text.units import format_duration
from watchdog.watch.loop_messages import Trouble
from watchdog.watch.loop_state import LoopState
from watchdog.watch.watched import CALENDAR, Watched


@record(frozen=True)
class Question:
    """Whether to run this on that service, because of what was seen."""

    trouble: Trouble
    runbook: str

    @property
    def watched(self) -> Watched:
        return self.trouble.watched

    @property
    def cause(self) -> Trigger:
        return self.trouble.cause

    @property
    def key(self) -> str:
        return f"{self.trouble.key} {self.runbook}"

    @property
    def by_hand(self) -> str:
        return f"`wd run {self.runbook} --service {self.watched.name}` does it"

    def stands(self) -> bool:
        """Whether there is still a reason to ask: after a repair in the meantime nobody has to answer."""
        watched = self.watched
        if watched.acting:
            return False
        if self.cause.kind == "death":
            return watched.tree is None
        return not self.trouble.is_over


class Questions:
    """One at a time on the terminal. Probes go on meanwhile."""

    def __init__(self, state: LoopState) -> None:
        self._state = state
        self._one = threading.Lock()

    def put(self, question: Question) -> None:
        """Ask beside the loop. After a yes it is decided again: time has passed."""
        watched = question.watched
        with watched.lock:
            if question.key in watched.asked:
                return
            watched.asked.add(question.key)
            watched.stored.question = f"{question.cause.detail}: run {question.runbook}? {question.by_hand}"
        self._state.remember(watched)
        self._state.store()  # who reads the question in the status sees the answers behind it, too

        def ask() -> None:
            with self._one:
                answer = "over" if not question.stands() else self._asked(question)
            if answer == "yes" or question.cause.kind in CALENDAR:
                watched.asked.discard(question.key)  # what has to wait now, or comes due again, is asked again
            if answer in ("yes", "no") or not question.stands():
                watched.stored.question = ""
                self._state.remember(watched)
            if answer == "yes" and question.stands():
                self._state.messages.put(replace(question.trouble, agreed=question.runbook))
            else:
                self._told(question, answer)

        self._state.beside(ask)

    def _asked(self, question: Question) -> str:
        watched = question.watched
        words = f"{watched.name}: {question.cause.detail}: run {question.runbook} on it?"
        return self._state.ask_person(words, watched.playbook.policy.answer_within, question.stands)

    def _told(self, question: Question, answer: str) -> None:
        watched = question.watched
        time = format_duration(watched.playbook.policy.answer_within)
        words = {
            "no": f"a person said no: nothing is done; {question.by_hand}",
            "late": f"nobody answered within {time}: nothing is done; {question.by_hand}",
            "nobody": f"nobody can be asked here (no terminal): nothing is done; {question.by_hand}",
        }
        self._state.say(watched.name, words.get(answer, "the question is withdrawn: it is over"), "WARNING")
        if answer in ("late", "nobody") and watched.playbook.notify and question.key not in watched.stored.paged:
            watched.stored.paged.add(question.key)
            self._state.remember(watched)
            text = f"{watched.name}: {question.cause.detail}. wd may not act by itself; {question.by_hand}"
            told = notify(self._state.context(watched, question.cause), {"message": [text]})
            self._state.say(watched.name, told.message)
