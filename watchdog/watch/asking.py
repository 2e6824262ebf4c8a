"""The mode `ask`: a person is asked before anything is done, once for each trouble, and only as long as it lasts.

The question stands in the journal, so it can be answered at the terminal of the loop, by `wd yes`, on the page and by a
link, and outlives the loop. The first answer counts.
"""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import Literal

from watchdog.model.approval import Approval
from watchdog.model.incident import Trigger
from watchdog.model.records import record
from watchdog.runbook import approving
from watchdog.steps.notify import notify
from watchdog.steps.spec import Answer
from watchdog.system import clock
from watchdog.system.host import accounts
from watchdog.text.language import speaking, translated
from watchdog.text.retelling import retold
from watchdog.text.units import format_duration, iso
from watchdog.watch.loop_messages import Trouble
from watchdog.watch.loop_state import LoopState
from watchdog.watch.watched import CALENDAR, Watched

_LOOK = 0.25  # seconds between two looks for an answer from elsewhere


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
    def words(self) -> str:
        what = {"service": self.watched.name, "detail": retold(self.cause.detail), "runbook": self.runbook}
        return translated("{service}: {detail}: run {runbook} on it?", **what)

    @property
    def by_hand(self) -> str:
        command = f"`wd run {self.runbook} --service {self.watched.name}`"
        return translated("{command} does it", command=command)

    def stands(self) -> bool:
        """Whether there is still a reason to ask: after a repair in the meantime nobody has to answer."""
        watched = self.watched
        if watched.acting:
            return False
        if self.cause.kind == "death":
            return watched.tree is None
        return not self.trouble.is_over


class Questions:
    """One at a time on the terminal, all of them elsewhere. Probes go on meanwhile."""

    def __init__(self, state: LoopState) -> None:
        self._state = state
        self._one = threading.Lock()

    def put(self, question: Question) -> None:
        """Ask beside the loop. After a yes it is decided again: time has passed."""
        watched = question.watched
        with watched.recording:  # until the question is in the memory, no write of an older one may withdraw it
            with watched.lock:
                if question.key in watched.asked:
                    return
                watched.asked.add(question.key)
                watched.stored.question = f"{question.cause.detail}: run {question.runbook}? {question.by_hand}"
            approval, link = self._written(question)
            self._state.remember(watched)
        self._state.store()  # who reads the question in the status sees the answers behind it, too
        self._state.beside(lambda: self._ask(question, approval, link))

    def _written(self, question: Question) -> tuple[Approval, str]:
        """The question in the journal, and the link that answers it; none for one that was open before."""
        name, journal = question.watched.name, self._state.journal
        if (known := journal.last_approval(name, question.key)) is not None:
            return known, ""
        now = clock.now()
        until = now + question.watched.playbook.policy.answer_within
        new = Approval(os.urandom(6).hex(), name, question.runbook, question.key, question.words, now, until)
        return new, approving.put(journal, new)

    def _ask(self, question: Question, approval: Approval, link: str) -> None:
        watched = question.watched
        given = self._waited(question, approval, link)
        agreed = given.answer == "yes" and question.stands() and self._state.journal.use(given.id)
        if given.answer == "yes" or question.cause.kind in CALENDAR:
            watched.asked.discard(question.key)  # what has to wait now, or comes due again, is asked again
        if given.answer in ("yes", "no") or not question.stands():
            watched.stored.question = ""
            self._state.remember(watched)
        if agreed:
            who = f"{given.by} at {iso(given.answered or clock.now())}"
            self._state.say(watched.name, f"allowed by {who}")
            cause = replace(question.cause, agreed_by=who)
            self._state.messages.put(replace(question.trouble, agreed=question.runbook, cause=cause))
        elif given.answer:
            self._told(question, given)

    def _waited(self, question: Question, approval: Approval, link: str) -> Approval:
        """What became of it. A pass that does not wait leaves it open."""
        answer: Answer = "over"
        if not self._settled(question, approval):
            answer = self._at_terminal(question, approval)
        if answer in ("yes", "no"):
            given: Literal["yes", "no"] = "yes" if answer == "yes" else "no"
            self._state.journal.answer(approval.id, given, f"{accounts.our_name()} at the terminal")
        elif answer == "nobody":
            self._nobody(question, link)
            if not self._state.waits:
                return self._state.journal.approval(approval.id) or approval
            while not self._settled(question, approval):
                clock.sleep(_LOOK)
        late: Literal["late", "over"] = "late" if question.stands() else "over"
        return self._state.journal.close_question(approval.id, late) or replace(approval, answer=late)

    def _settled(self, question: Question, approval: Approval) -> bool:
        """Whether it needs no answer any more, or has one, or its time is over."""
        known = self._state.journal.approval(approval.id)
        return known is None or not known.is_open(clock.now()) or not question.stands()

    def _at_terminal(self, question: Question, approval: Approval) -> Answer:
        """The turn at the terminal may never come: an answer from elsewhere ends the wait for it."""
        while not self._one.acquire(timeout=_LOOK):
            if self._settled(question, approval):
                return "over"
        try:
            left = max(1.0, round(approval.until - clock.now()))
            return self._state.ask_person(question.words, left, lambda: not self._settled(question, approval))
        finally:
            self._one.release()

    def _nobody(self, question: Question, link: str) -> None:
        """No terminal: say who can answer how, and tell the people of the playbook, once for each trouble."""
        watched = question.watched
        answers = _answers(question)
        self._state.say(watched.name, f"nobody can be asked here (no terminal): nothing is done; {answers}", "WARNING")
        with speaking(watched.playbook.language):
            here = translated(". Or answer here: {link}", link=link) if link else ""
            self._call(question, f"{_answers(question)}{here}")

    def _told(self, question: Question, given: Approval) -> None:
        watched = question.watched
        time = format_duration(watched.playbook.policy.answer_within)
        words = {
            "no": f"{given.by} said no: nothing is done; {question.by_hand}",
            "late": f"nobody answered within {time}: nothing is done; {question.by_hand}",
        }
        self._state.say(watched.name, words.get(given.answer, "the question is withdrawn: it is over"), "WARNING")
        if given.answer == "late":
            with speaking(watched.playbook.language):
                self._call(question, question.by_hand)

    def _call(self, question: Question, how: str) -> None:
        watched = question.watched
        if not watched.playbook.notify or question.key in watched.stored.paged:
            return
        watched.stored.paged.add(question.key)
        watched.stored.told = watched.stored.told or clock.now()
        self._state.remember(watched)
        what = {"service": watched.name, "detail": retold(question.cause.detail), "how": how}
        text = translated("{service}: {detail}. wd may not act by itself; {how}", **what)
        told = notify(self._state.context(watched, question.cause), {"message": [text]})
        self._state.say(watched.name, told.message)


def _answers(question: Question) -> str:
    """Who can answer how."""
    yes = f"`wd yes {question.watched.name}`"
    return translated("{by_hand}, {command} lets the loop do it", by_hand=question.by_hand, command=yes)
