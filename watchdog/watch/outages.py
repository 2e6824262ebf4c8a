"""What people are notified of: the beginning of a service's trouble, and its end. Not each probe, nor each try."""

from __future__ import annotations

from dataclasses import replace

from watchdog.model.incident import RunResult, Trigger
from watchdog.model.routes import Message
from watchdog.policy.deciding import Decision
from watchdog.report import message
from watchdog.system import clock
from watchdog.text.language import marked, speaking, translated
from watchdog.text.retelling import retold
from watchdog.text.units import format_duration
from watchdog.watch.loop_messages import Trouble
from watchdog.watch.loop_state import LoopState
from watchdog.watch.watched import CALENDAR, Watched

_TELLING = ("run", "would", "wait", "hold")  # decisions that begin an outage; the others notify people themselves


def begins(state: LoopState, trouble: Trouble, decision: Decision) -> None:
    """Once for each outage. Work that was planned is none."""
    watched, cause = trouble.watched, trouble.cause
    planned = trouble.planned_at is not None or cause.kind in CALENDAR
    if planned or decision.kind not in _TELLING or watched.stored.told is not None or not watched.playbook.notify:
        return
    watched.stored.told = clock.now()
    watched.dirty = True
    with speaking(watched.playbook.language):
        line = f"{watched.name}: {retold(cause.detail)}; {_deed(trouble, decision)}"
    _tell(state, watched, Message(watched.name, "warning", line))


def _deed(trouble: Trouble, decision: Decision) -> str:
    match decision.kind:
        case "would":
            return retold(decision.why)
        case "wait":
            return translated("wd waits: {why}", why=retold(decision.why))
        case "hold":
            return translated("wd holds: {why}", why=retold(decision.why))
    return translated("wd runs {runbook}", runbook=trouble.trigger.run[0])


def run_ended(state: LoopState, watched: Watched, cause: Trigger, result: RunResult) -> None:
    """What came of a run: that it helped. A run that did not help is followed by another one, or by a call."""
    good, planned = result.outcome in ("recovered", "done"), cause.kind in CALENDAR
    is_news = good != planned and result.outcome != "nothing"
    if result.incident is None or not watched.playbook.notify or not is_news:
        return
    watched.stored.told = None
    incident = state.journal.incident(result.incident)
    with speaking(watched.playbook.language):
        told = message.of_incident(incident, state.journal.page, "info" if good else "critical")
    _tell(state, watched, told)


def may_be_over(state: LoopState, watched: Watched) -> None:
    """The service answers again and no run did it."""
    since = watched.stored.told
    if since is None or watched.acting or watched.stored.healthy_since is None:
        return
    watched.stored.told = None
    watched.dirty = True
    words = marked("{service} is well again, {duration} after the first message")
    with speaking(watched.playbook.language):
        line = translated(words, service=watched.name, duration=format_duration(max(0.0, clock.now() - since)))
    _tell(state, watched, Message(watched.name, "info", line, state.journal.page))


def _tell(state: LoopState, watched: Watched, told: Message) -> None:
    state.messenger.tell(watched.playbook.notify, replace(told, language=watched.playbook.language))
