"""A question to a person: while its trouble lasts, nothing but an answer or its time ends it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from watchdog.journal.store import Journal
from watchdog.model.incident import Trigger
from watchdog.model.playbook import Playbook, Policy, ProbeSpec, TriggerSpec
from watchdog.model.selector import Selector
from watchdog.policy.judge import ProbeState
from watchdog.watch.asking import Question, Questions
from watchdog.watch.loop_messages import Trouble
from watchdog.watch.loop_state import LoopState
from watchdog.watch.watched import Watched

PROBE = ProbeSpec("health", "http", "/health", every=10.0)
A_MOMENT = 0.3  # seconds in which a question that need not wait is written


@pytest.fixture
def state(folder: Path) -> Iterator[LoopState]:
    with Journal.open(folder) as journal:
        made = LoopState(None, folder, journal)
        watched = Watched(Playbook("shop", Selector(port=1), probes=(PROBE,), policy=Policy(mode="ask")))
        watched.stored.states["health"] = ProbeState("trouble", recent="f", failing_since=1.0)
        made.services["shop"] = watched
        made.beside = lambda work: None  # whoever waits for the answer is not of interest here
        yield made


def question(state: LoopState) -> Question:
    trigger = TriggerSpec("probe", "health", run=("bring-back",))
    cause = Trigger("probe", detail="health: answers 503", by="wd watch")
    return Question(Trouble(state.services["shop"], trigger, cause, PROBE), "bring-back")


def test_a_memory_that_was_read_before_the_question_does_not_withdraw_it(
    state: LoopState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop writes what it knows every now and then, in another thread than the one that asks."""
    keep, asked = state.journal.keep, threading.Event()
    asker = threading.Thread(target=lambda: (Questions(state).put(question(state)), asked.set()))

    def slowly(*words: str) -> None:
        if not asker.is_alive() and not asked.is_set():
            asker.start()  # the memory that is about to be written knows of no question
            asked.wait(A_MOMENT)
        keep(*words)

    monkeypatch.setattr(state.journal, "keep", slowly)
    state.remember(state.services["shop"])
    asker.join(30)
    (open_one,) = state.journal.questions("shop")
    assert open_one.about.endswith("bring-back")
