"""What happened is written down whole, found again, and survives damage and time."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from watchdog.journal import incidents, opening, store
from watchdog.journal.store import Journal
from watchdog.model.errors import CannotTell, Failed, NothingMatched
from watchdog.model.incident import Desired, Incident, Restart, Trigger
from watchdog.model.probing import Sample
from watchdog.system import clock

PERSON = Trigger("person", "wd run frozen-server --service shop", "kim")


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def journal(folder: Path, warnings: list[str]) -> Iterator[Journal]:
    with Journal.open(folder / "state", warnings.append) as opened:
        yield opened


def run(journal: Journal, service: str = "shop", outcome: str = "recovered", signature: str = "") -> Incident:
    incident = journal.open_incident(service, "frozen-server", PERSON)
    journal.begin_step(incident.id, 1, "kill", "kill --grace 5s")
    journal.end_step(incident.id, 1, "ok", "2 ended", data={"killed": [{"pid": 7, "signal": "TERM"}]}, seconds=1.5)
    journal.update(incident.id, cause="busy-loop", signature=signature, old_pids=(7, 8), new_pid=9, downtime=4.5)
    journal.close(incident.id, outcome)
    return journal.incident(incident.id)


def test_an_incident_comes_back_as_it_was_written(journal: Journal) -> None:
    found = run(journal)
    assert (found.service, found.runbook, found.outcome, found.cause) == (
        "shop",
        "frozen-server",
        "recovered",
        "busy-loop",
    )
    assert found.trigger == PERSON and found.old_pids == (7, 8) and found.new_pid == 9 and found.downtime == 4.5
    assert found.closed is not None and found.closed >= found.opened
    (step,) = found.steps
    assert (step.step, step.text, step.outcome, step.seconds) == ("kill", "kill --grace 5s", "ok", 1.5)
    assert step.data == {"killed": [{"pid": 7, "signal": "TERM"}]}


def test_a_step_is_known_before_it_ends(journal: Journal, folder: Path) -> None:
    incident = journal.open_incident("shop", "frozen-server", PERSON)
    journal.begin_step(incident.id, 1, "kill", "kill")
    with Journal.open(folder / "state") as other:
        found = other.incident(incident.id)
    assert found.outcome == "running" and found.steps[0].outcome == "running"


def test_an_id_sorts_by_time_and_is_a_safe_file_name(journal: Journal) -> None:
    first = incidents.make_id(1000.0, "Shop / API; rm -rf")
    assert first.startswith("1970-01-01-001640-shop-api-rm-rf-") and "/" not in first
    assert incidents.make_id(1000.0, "x") != incidents.make_id(1000.0, "x")
    assert incidents.make_id(0.0, "a") < incidents.make_id(4102444800.0, "a")
    assert incidents.make_id(1.0, "日本").split("-")[4] == "run"


def test_incidents_are_listed_newest_first_and_found_by_a_part_of_their_name(journal: Journal) -> None:
    made = [run(journal, service).id for service in ("a", "b", "a")]
    assert [found.id for found in journal.incidents()] == made[::-1]
    assert [found.id for found in journal.incidents("a")] == [made[2], made[0]]
    assert journal.incidents(limit=1)[0].id == made[2]
    assert journal.incident("last").id == made[2]
    assert journal.incident(made[1][-6:]).id == made[1]
    with pytest.raises(NothingMatched, match="no incident 'nope'"):
        journal.incident("nope")
    with pytest.raises(NothingMatched, match="more than one"):
        journal.incident(made[0][:10])


def test_secrets_are_taken_out_before_they_are_written(journal: Journal, folder: Path) -> None:
    trigger = Trigger("person", "wd run x --set password=hunter2XyZ")
    incident = journal.open_incident("shop", "x", trigger)
    journal.begin_step(incident.id, 1, "exec", "exec tool --token hunter2XyZ")
    journal.end_step(incident.id, 1, "failed", "api_key=hunter2XyZ", data={"output": "Bearer hunter2XyZ123", "n": 1})
    journal.update(incident.id, request="GET /x?token=hunter2XyZ", finding={"details": ["password: hunter2XyZ"]})
    journal.note(incident.id, "the password=hunter2XyZ was wrong", "kim")
    journal.shut()
    raw = b"".join(path.read_bytes() for path in (folder / "state").iterdir())
    assert b"hunter2XyZ" not in raw


def test_an_unknown_incident_or_field_is_an_error_and_not_silence(journal: Journal) -> None:
    with pytest.raises(Failed):
        journal.update("nope", cause="x")
    with pytest.raises(Failed):
        journal.end_step("nope", 1, "ok")
    with pytest.raises(TypeError):
        journal.update("nope", id="x")
    incident = journal.open_incident("shop", "x", PERSON)
    with pytest.raises(TypeError):
        journal.update(incident.id, outcome="great")


def test_a_person_adds_cause_fix_and_notes(journal: Journal) -> None:
    incident = run(journal)
    journal.update(incident.id, root_cause="two locks in opposite order", fix="one order")
    journal.note(incident.id[-6:], "rolled out", "kim")
    found = journal.incident("last")
    assert (found.root_cause, found.fix) == ("two locks in opposite order", "one order")
    assert [(by, text) for _, by, text in found.notes] == [("kim", "rolled out")]


def test_the_same_trouble_again_is_told_with_how_long_the_last_cure_held(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_800_000_000.0
    told = []
    for hours in (0, 5, 8, 8 + 24 * 8):
        monkeypatch.setattr(clock, "now", lambda hours=hours: now + hours * 3600)
        told.append(run(journal, signature="busy-loop|server.py:spin").repeated)
    assert told == [
        "",
        "2nd time in 7 days, same cause and line; the last restart held 5h 00m",
        "3rd time in 7 days, same cause and line; the last restart held 3h 00m",
        "",
    ]
    found = journal.same_signature("shop", "busy-loop|server.py:spin", now + 1)
    assert len(found) == 3
    assert journal.same_signature("other", "busy-loop|server.py:spin", 0.0) == ()
    assert journal.same_signature("shop", "", 0.0) == ()


def test_a_refused_run_does_not_count_as_a_cure_that_failed(journal: Journal) -> None:
    run(journal, outcome="refused", signature="s")
    assert run(journal, signature="s").repeated == ""


def test_a_run_is_cut_off_only_when_its_process_is_gone(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    incident = journal.open_incident("shop", "frozen-server", PERSON)
    journal.begin_step(incident.id, 1, "kill", "kill")
    assert journal.unfinished() == ()
    monkeypatch.setattr(incidents.processes, "is_alive", lambda identity: identity.pid != os.getpid())
    (found,) = journal.unfinished("shop")
    assert found.id == incident.id and found.steps[0].step == "kill"
    assert journal.unfinished("other") == ()
    journal.close(incident.id, "interrupted")
    assert journal.unfinished() == ()


def test_what_a_person_wants_holds_until_its_time_is_over(journal: Journal) -> None:
    assert journal.desired("shop") == Desired()
    stopped = Desired("stopped", since=1.0, by="kim", why="migration")
    journal.set_desired("shop", stopped)
    assert journal.desired("shop") == stopped
    journal.set_desired("shop", Desired("snoozed", 1.0, until=clock.now() - 1, until_healthy=True))
    assert journal.desired("shop") == Desired()
    snoozed = Desired("snoozed", 1.0, until=clock.now() + 60, until_healthy=True)
    journal.set_desired("shop", snoozed)
    assert journal.desired("shop") == snoozed


def test_restarts_are_kept_for_the_budgets(journal: Journal, folder: Path) -> None:
    journal.record_restart(Restart("shop", 100.0, True, "i", "s"))
    journal.record_restart(Restart("api", 200.0, False))
    with Journal.open(folder / "state") as other:
        assert other.restarts("shop", 0.0) == (Restart("shop", 100.0, True, "i", "s"),)
        assert len(other.restarts(None, 0.0)) == 2 and other.restarts(None, 150.0)[0].service == "api"
        assert other.lost_at is None


def test_what_was_written_under_a_clock_that_was_ahead_counts_as_of_now(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchdog.journal.store.clock.now", lambda: 1000.0)
    for at in (900.0, 5000.0):
        journal.record_restart(Restart("shop", at, True))
    journal.set_desired("shop", Desired("snoozed", 5000.0, 5600.0))
    journal.set_desired("api", Desired("snoozed", 900.0, 5600.0))
    journal.end_the_future()
    assert [one.at for one in journal.restarts("shop", 0.0)] == [900.0, 1000.0]
    assert (journal.desired("shop").since, journal.desired("shop").until) == (1000.0, 1600.0)
    assert (journal.desired("api").since, journal.desired("api").until) == (900.0, 5600.0)


def test_samples_come_back_in_order_and_old_ones_are_merged(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_800_000_000.0
    monkeypatch.setattr(clock, "now", lambda: now)
    young = [Sample("health", now - 60 + n, "ok", 0.1, pid=5) for n in range(60)]
    hours = [Sample("health", now - 7200 + n * 10, "ok", 0.1 + n / 1000, value=float(n)) for n in range(120)]
    bad = [Sample("health", now - 7000 + n, "failed", 5.0, "no answer") for n in range(3)]
    ancient = [Sample("health", now - 100 * 86400, "failed", 1.0)]
    journal.add_samples({"shop": [*ancient, *hours, *bad, *young]})
    removed = journal.thin()
    found = journal.samples("shop", "health")
    assert [sample for sample in found if sample.at >= now - 60] == young
    assert [sample for sample in found if sample.verdict == "failed"] == bad
    merged = [sample for sample in found if sample.verdict == "ok" and sample.at < now - 60]
    assert len(merged) == 20 and sum(sample.count for sample in merged) == 120
    assert max(sample.value or 0 for sample in merged) == 119.0
    assert removed == 1 + 100
    assert journal.thin() == 0
    assert [sample.at for sample in found] == sorted(sample.at for sample in found)
    assert journal.samples("shop", "other") == () and journal.samples("api") == ()


@pytest.mark.posix("Windows has no modes: access lists, see tests/windows")
def test_files_are_0600_under_an_open_umask(folder: Path) -> None:
    before = os.umask(0)
    try:
        with Journal.open(folder / "deep" / "state") as journal:
            run(journal)
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder / "deep" / "state").iterdir()}
    finally:
        os.umask(before)
    assert modes and set(modes.values()) == {0o600}
    assert stat.S_IMODE((folder / "deep").stat().st_mode) == 0o700


def test_a_newer_journal_is_left_alone(folder: Path) -> None:
    with Journal.open(folder) as journal:
        run(journal)
    newer = sqlite3.connect(folder / store.FILE)
    newer.execute("PRAGMA user_version=999")
    newer.execute("UPDATE facts SET value = 999 WHERE name = 'schema'")
    newer.commit()
    newer.close()
    before = (folder / store.FILE).read_bytes()
    with pytest.raises(CannotTell, match="newer wd"):
        Journal.open(folder)
    assert (folder / store.FILE).read_bytes() == before


def damage_whole(path: Path) -> None:
    path.write_bytes(os.urandom(4096))


def damage_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def damage_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"not SQLite at all")


def damage_schema(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE restarts")
    connection.close()


def damage_version(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=129")
    connection.close()


@pytest.mark.parametrize("damage", [damage_whole, damage_half, damage_header, damage_schema, damage_version])
def test_a_damaged_journal_is_set_aside_and_the_budget_counts_as_used(
    folder: Path, warnings: list[str], damage: Callable[[Path], None]
) -> None:
    with Journal.open(folder) as journal:
        run(journal)
    damage(folder / store.FILE)
    broken = (folder / store.FILE).read_bytes()
    with Journal.open(folder, warnings.append) as journal:
        assert journal.incidents() == () and not journal.in_memory
        assert journal.lost_at is not None and journal.lost_at <= clock.now()
        kept = run(journal)
    (aside,) = folder.glob("journal-damaged-*.db")
    assert aside.read_bytes() == broken
    assert len(warnings) == 1 and aside.name in warnings[0] and "counts as used" in warnings[0]
    with Journal.open(folder, warnings.append) as journal:  # remembered, and not set aside a second time
        assert journal.lost_at is not None and journal.incidents()[0].id == kept.id
    assert len(warnings) == 1


@pytest.mark.root
def test_a_journal_of_another_user_is_not_written(folder: Path, warnings: list[str]) -> None:
    (folder / store.FILE).write_bytes(b"")
    os.chown(folder / store.FILE, 65534, 65534)
    with Journal.open(folder, warnings.append) as journal:
        run(journal)
    (aside,) = folder.glob("journal-damaged-*.db")
    assert aside.stat().st_uid == 65534 and aside.stat().st_size == 0


@pytest.mark.posix("a POSIX link is not a reparse point of Windows")
def test_a_link_in_the_journals_place_is_not_followed(folder: Path, warnings: list[str]) -> None:
    (folder / "precious").write_bytes(b"")
    (folder / store.FILE).symlink_to(folder / "precious")
    with Journal.open(folder, warnings.append) as journal:
        assert journal.in_memory
        run(journal)
    assert (folder / "precious").read_bytes() == b"" and len(warnings) == 1


class Broken:
    """A connection whose disk fails from the n-th statement on."""

    def __init__(self, real: sqlite3.Connection, left: int) -> None:
        self._real, self.left = real, left

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise sqlite3.OperationalError("disk I/O error")

    def execute(self, *words: object) -> sqlite3.Cursor:
        self._count()
        return self._real.execute(*words)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


@pytest.mark.parametrize("left", range(25))
def test_a_disk_that_fails_at_any_moment_costs_no_run(folder: Path, warnings: list[str], left: int) -> None:
    with Journal.open(folder, warnings.append) as journal:
        old = run(journal)
        journal._database._connection = Broken(journal._database._connection, left)  # type: ignore[assignment]
        new = run(journal)
        assert new.outcome == "recovered" and new.steps[0].outcome == "ok"
        if journal.in_memory:
            assert len(warnings) == 1 and "in memory" in warnings[0]
            assert journal.incident(old.id).outcome == "recovered" or journal.lost_at is not None
    with Journal.open(folder) as journal:  # nothing half written
        for found in journal.incidents():
            whole = journal.incident(found.id)
            assert whole.outcome in ("running", "recovered")
            assert whole.outcome == "running" or whole.steps[0].outcome == "ok"


def test_old_incident_folders_go_by_count_and_by_size_but_their_line_stays(journal: Journal) -> None:
    made = []
    for _ in range(6):
        incident = run(journal)
        made.append(incident)
        place = Path(incident.folder)
        place.mkdir(parents=True)
        (place / "big").write_bytes(b"x" * 100_000)
    running = journal.open_incident("shop", "x", PERSON)
    Path(running.folder).mkdir()
    stranger = journal.folder / "incidents" / "not-ours"
    stranger.mkdir()
    order = sorted(incident.id for incident in made)
    assert journal.tidy(most=5) == tuple(order[:2])
    assert journal.tidy(most=100, size=250_000) == tuple(order[2:4])
    assert stranger.is_dir() and Path(running.folder).is_dir()
    assert len(journal.incidents()) == 7


def test_a_link_among_the_incident_folders_is_never_followed(journal: Journal, folder: Path) -> None:
    (folder / "precious").mkdir()
    (folder / "precious" / "file").write_text("keep")
    place = journal.folder / "incidents"
    place.mkdir()
    (place / "2020-01-01-000000-shop-abc").symlink_to(folder / "precious")
    journal.tidy(most=0, size=0)
    assert (folder / "precious" / "file").read_text() == "keep"


def test_the_busy_time_out_is_long_enough_for_eight_writers() -> None:
    assert opening.BUSY_SECONDS == 30.0
