"""What was changed, removed or added in the record of incidents is found, wherever it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from watchdog.journal import chain, opening, store, tables
from watchdog.journal.store import Journal
from watchdog.model.chain import Chain, Head
from watchdog.model.incident import Trigger


@pytest.fixture
def state(folder: Path) -> Iterator[Path]:
    """Three incidents with two steps and a note each."""
    with Journal.open(folder / "state") as journal:
        for service in ("shop", "cart", "mail"):
            _recorded(journal, service)
    yield folder / "state"


def _recorded(journal: Journal, service: str) -> str:
    incident = journal.open_incident(service, "frozen-server", Trigger("probe", "health", "wd watch")).id
    for number, step in enumerate(("kill", "start"), 1):
        journal.begin_step(incident, number, step, step)
        journal.end_step(incident, number, "ok", f"{step} went well", data={"pid": number})
    journal.close(incident, "recovered", cause="lock-deadlock")
    journal.note(incident, "two locks", "kim")
    return incident


def forged(state: Path, *statements: str) -> Chain:
    """What is found after somebody wrote to the file by other means."""
    with closing(sqlite3.connect(state / store.FILE)) as file, file:
        for statement in statements:
            file.execute(statement)
    with Journal.open(state) as journal:
        return journal.chain()


def test_an_untouched_record_is_whole(state: Path) -> None:
    found = forged(state)
    assert found.faults == () and found.entries == 21 and found.older == 0
    assert found.head == Head(21, found.hashes[21])


@pytest.mark.parametrize(
    ("statement", "kind", "words"),
    [
        ("UPDATE incidents SET cause = 'operator' WHERE service = 'cart'", "changed", "the line of"),
        ("UPDATE incidents SET outcome = 'failed' WHERE service = 'cart'", "changed", "the line of"),
        ("UPDATE incidents SET opened = opened - 3600 WHERE service = 'cart'", "changed", "the line of"),
        ("UPDATE steps SET message = 'nothing was killed' WHERE number = 1 AND rowid = 1", "changed", "step 1 of"),
        ("UPDATE steps SET data = NULL WHERE rowid = 2", "changed", "step 2 of"),
        ("UPDATE notes SET text = 'no locks' WHERE rowid = 3", "changed", "notes of"),
        ("UPDATE notes SET author = 'lee' WHERE rowid = 3", "changed", "notes of"),
        ("DELETE FROM notes WHERE rowid = 1", "removed", "notes of"),
        ("DELETE FROM steps WHERE rowid = 4", "removed", "step 2 of"),
        ("INSERT INTO notes VALUES ((SELECT max(id) FROM incidents), 1, 'lee', 'x')", "changed", "notes of"),
        ("UPDATE chain SET digest = 'x' WHERE number = 5", "changed", "entry 5 of the chain"),
        ("UPDATE chain SET at = at - 60 WHERE number = 21", "changed", "entry 21 of the chain"),
        ("DELETE FROM chain WHERE number = 1", "removed", "entry 1 of the chain"),
        ("DELETE FROM chain WHERE number BETWEEN 9 AND 11", "removed", "entries 9 to 11 of the chain"),
        ("DELETE FROM chain WHERE number > 19", "removed", "entries 20 to 21 at the end of the chain"),
        ("DELETE FROM chain", "removed", "entries 1 to 21 at the end of the chain"),
    ],
)
def test_what_was_changed_or_removed_is_found_and_named(state: Path, statement: str, kind: str, words: str) -> None:
    faults = forged(state, statement).faults
    assert any(fault.kind == kind and words in fault.what for fault in faults), faults


def test_a_whole_incident_that_was_taken_out_is_found(state: Path) -> None:
    name = "(SELECT id FROM incidents WHERE service = 'cart')"
    faults = forged(
        state,
        f"DELETE FROM notes WHERE incident = {name}",
        f"DELETE FROM steps WHERE incident = {name}",
        "DELETE FROM incidents WHERE service = 'cart'",
    ).faults
    assert [fault.kind for fault in faults] == ["removed"] * 4


def test_an_incident_that_was_put_in_by_other_means_is_found(state: Path) -> None:
    columns = "id, opened, runbook, trigger_kind, trigger_detail, trigger_by, owner, outcome"
    values = "'2026-01-01-000000-x-abc', 9e9, 'r', 'k', '', '', '', 'done'"
    (fault,) = forged(state, f"INSERT INTO incidents ({columns}) VALUES ({values})").faults
    assert fault.kind == "added" and fault.incident == "2026-01-01-000000-x-abc"


def test_two_entries_that_changed_places_are_found(state: Path) -> None:
    faults = forged(
        state,
        "UPDATE chain SET number = 99 WHERE number = 7",
        "UPDATE chain SET number = 7 WHERE number = 8",
        "UPDATE chain SET number = 8 WHERE number = 99",
        "UPDATE sqlite_sequence SET seq = 21 WHERE name = 'chain'",
    ).faults
    assert {fault.entry for fault in faults} >= {7, 8}


def test_an_end_that_was_cut_off_stays_visible_after_further_writing(state: Path) -> None:
    forged(state, "DELETE FROM chain WHERE number > 18")
    with Journal.open(state) as journal:
        _recorded(journal, "shop")
        found = journal.chain()
    assert any(fault.kind == "removed" and "entries 19 to 21" in fault.what for fault in found.faults)


def test_a_run_that_another_process_finishes_leaves_the_record_whole(state: Path) -> None:
    with Journal.open(state) as journal:
        incident = journal.open_incident("shop", "frozen-server", Trigger("person"))
        journal.begin_step(incident.id, 1, "kill", "kill")
        journal.adopt(incident.id)
        journal.begin_step(incident.id, 1, "kill", "kill --force")
        journal.end_step(incident.id, 1, "ok")
        journal.update(incident.id, signature="a", new_pid=7, finding={"cause": "x"})
        journal.close(incident.id, "done")
        assert journal.chain().faults == ()


def test_a_journal_of_an_older_wd_is_covered_from_its_first_opening(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = tables.VERSIONS
    before = next(number for number, script in enumerate(newest) if chain.take_in in script)
    with monkeypatch.context() as older:
        older.setattr(opening, "VERSIONS", newest[:before])
        older.setattr(chain, "append", lambda db, incident, item="": None)
        older.setattr(chain, "head", lambda db: None)
        with Journal.open(folder / "state") as journal:
            names = [_recorded(journal, service) for service in ("shop", "cart")]
    with Journal.open(folder / "state") as journal:
        found = journal.chain()
        assert (found.faults, found.entries, found.older) == ((), 8, 2)
        assert journal.incident(names[0]).head == str(found.head)
    assert forged(folder / "state", "UPDATE incidents SET cause = 'x' WHERE service = 'shop'").faults


def test_a_column_that_a_newer_wd_adds_changes_no_digest(state: Path) -> None:
    for table, default in (("incidents", "TEXT NOT NULL DEFAULT ''"), ("steps", "TEXT"), ("notes", "REAL")):
        assert forged(state, f"ALTER TABLE {table} ADD COLUMN later {default}").faults == ()


def test_a_head_is_read_back_from_its_text() -> None:
    head = Head(214, "9f" * 32)
    assert Head.parse(f" {head}\n") == head
    for wrong in ("", "214", "x:" + "9f" * 32, "214:9f", "214:" + "zz" * 32, "²:" + "9f" * 32, "-1:" + "9f" * 32):
        assert Head.parse(wrong) is None
