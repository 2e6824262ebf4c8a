"""A look at many services costs the journal a few questions, and what it says is what single questions say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from watchdog.commands.standings import Standings
from watchdog.journal import opening, samples
from watchdog.journal.store import Journal
from watchdog.model.approval import Approval
from watchdog.model.incident import Desired, Restart, Trigger
from watchdog.model.playbook import Playbook, ProbeSpec
from watchdog.model.probing import Sample
from watchdog.model.selector import Selector
from watchdog.system import clock

NOW = 1_800_000_000.0
PLAYBOOKS = [
    Playbook(f"s{number:02}", Selector(port=1 + number), probes=(ProbeSpec("health", "http", "/", every=10.0),))
    for number in range(60)
]


class Clock:
    def __init__(self) -> None:
        self.at = NOW


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(clock, "now", lambda: made.at)
    return made


@pytest.fixture
def journal(folder: Path, wall: Clock) -> Iterator[Journal]:
    with Journal.open(folder / "state") as opened:
        yield opened


def test_what_is_new_is_found_without_a_walk_through_all_that_is_old() -> None:
    db = opening.new_memory()
    for number in range(100):
        samples.add(db, f"s{number}", [Sample("health", NOW + at, "ok", 0.01) for at in range(100)])
    edge = samples.last(db)
    samples.add(db, "shop", [Sample("health", NOW + 2, "ok", 0.01), Sample("health", NOW + 1, "failed", 0.01)])
    steps: list[int] = []
    db.set_progress_handler(lambda: steps.append(1), 100)  # called after each 100 steps of SQLite's machine
    found = samples.after(db, edge)
    assert [(one.at - NOW, one.verdict) for one in found["shop"]] == [(1, "failed"), (2, "ok")]
    assert len(steps) < 10


def test_a_look_asks_no_more_of_the_journal_for_sixty_services_than_for_one(
    journal: Journal, folder: Path, wall: Clock
) -> None:
    asked = []
    for playbooks in (PLAYBOOKS[:1], PLAYBOOKS):
        standings = Standings(journal, folder / "state", playbooks)
        standings.look()
        statements: list[str] = []
        journal._database._connection.set_trace_callback(statements.append)
        wall.at += 0.5  # the figures over days are not due
        standings.look()
        journal._database._connection.set_trace_callback(None)
        asked.append(len(statements))
    assert asked[0] == asked[1]


def test_the_figures_over_days_are_counted_for_some_services_in_each_look(
    journal: Journal, folder: Path, wall: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    real = journal.counted

    def noted(service: str, *rest: Any) -> tuple[Sample, ...]:
        counted.append(service)
        return real(service, *rest)

    monkeypatch.setattr(journal, "counted", noted)
    standings = Standings(journal, folder / "state", PLAYBOOKS)
    standings.look()
    assert len(counted) == len(PLAYBOOKS), "the first look shows all of them"
    counted.clear()
    most = 0
    for _ in range(120):
        wall.at += 1.0
        before = len(counted)
        standings.look()
        most = max(most, len(counted) - before)
    assert most <= 2, "never many at once"
    assert set(Counter(counted).values()) <= {1, 2, 3} and len(set(counted)) == len(PLAYBOOKS)


def test_what_is_read_of_all_at_once_is_what_single_questions_say(journal: Journal, folder: Path, wall: Clock) -> None:
    journal.set_desired("s00", Desired("stopped", NOW - 5, by="kim"))
    journal.set_desired("s01", Desired("snoozed", NOW - 500, until=NOW - 1))
    journal.keep("s02", "gave up", "it died 3 times")
    journal.keep("s03", "question", "run bring-back?")
    for name, asked in (("q2", NOW - 1), ("q1", NOW - 9)):
        journal.ask(Approval(name, "s03", "bring-back", "health", "run it?", asked, NOW + 60), "key")
    journal.record_restart(Restart("s04", NOW - 700, True, "i", ""))
    journal.record_restart(Restart("s04", NOW - 70, True, "i", ""))
    for service, outcome, down in (("s05", "recovered", 300.0), ("s05", "failed", 20.0), ("s04", "recovered", 500.0)):
        one = journal.open_incident(service, "bring-back", Trigger("probe", "health", "wd watch"))
        journal.close(one.id, outcome, down_since=NOW - down, downtime=10.0)  # type: ignore[arg-type]
    journal.add_samples({one.service: [Sample("health", NOW - 900, "ok", 0.01)] for one in PLAYBOOKS})
    found = {one.playbook.service: one for one in Standings(journal, folder / "state", PLAYBOOKS).look()}
    for name, one in found.items():
        assert one.desired == journal.desired(name)
        assert one.gave_up == journal.kept(name, "gave up")
        assert one.question == journal.kept(name, "question")
        assert one.approval == next((it.id for it in journal.questions(name)), "")
    assert found["s03"].approval == "q1", "the oldest question is answered first"
    since = {name: round(NOW - (one.since or 0)) for name, one in found.items()}
    assert (since["s04"], since["s05"], since["s06"]) == (70, 290, 900)
