"""`wd incidents verify` says whether the record of incidents is as it was written, also beside writers at work."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from homes import Shop, shop_in

from watchdog.model.incident import Trigger

pytestmark = pytest.mark.live

WRITER = """
import sys
from pathlib import Path
from watchdog.journal.store import Journal
from watchdog.model.incident import Trigger
with Journal.open(Path(sys.argv[1])) as journal:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(12):
        incident = journal.open_incident(sys.argv[2], "frozen-server", Trigger("probe"))
        journal.begin_step(incident.id, 1, "kill", "kill")
        journal.end_step(incident.id, 1, "ok", str(number))
        journal.note(incident.id, "seen", sys.argv[2])
        journal.close(incident.id, "recovered")
"""


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


def recorded(shop: Shop) -> str:
    with shop.journal() as journal:
        incident = journal.open_incident("shop", "frozen-server", Trigger("probe", "health", "wd watch"))
        journal.close(incident.id, "recovered")
    assert shop.wd("incidents", "report", incident.id).code == 0
    return incident.id


def file_of(shop: Shop) -> Path:
    with shop.journal() as journal:
        return journal.folder / "journal.db"


def test_a_person_sees_that_the_record_is_whole_and_a_report_bears_its_head(shop: Shop) -> None:
    name = recorded(shop)
    done = shop.wd("incidents", "verify", "-o", "json")
    assert done.code == 0 and (done.last["outcome"], done.last["faults"], done.last["reports"]) == ("ok", 0, 1)
    shown = shop.wd("incidents", "show", name)
    assert done.last["head"] in shown.out
    assert shop.wd("incidents", "verify", "--head", done.last["head"]).code == 0
    assert shop.wd("incidents", "verify", "--head", "not a head").code == 3


def test_a_line_that_was_changed_by_other_means_is_named(shop: Shop) -> None:
    name = recorded(shop)
    with closing(sqlite3.connect(file_of(shop))) as file, file:
        file.execute("UPDATE incidents SET cause = 'operator'")
    done = shop.wd("incidents", "verify")
    assert done.code == 2 and f"changed  the line of {name}" in done.out
    told = shop.wd("incidents", "verify", "-o", "json")
    assert (told.rows[0]["kind"], told.rows[0]["incident"]) == ("changed", name)
    assert told.last["outcome"] == "failed" and told.last["error"]["what"] and told.last["faults"] == 1


def test_an_older_copy_of_the_journal_in_its_place_is_found_by_a_report_and_by_a_noted_head(shop: Shop) -> None:
    recorded(shop)
    path = file_of(shop)
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(path, path.with_name("copy"))
    later = recorded(shop)
    head = shop.wd("incidents", "verify", "-o", "json").last["head"]
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    shutil.copy(path.with_name("copy"), path)
    done = shop.wd("incidents", "verify")
    assert done.code == 2 and f"removed  the report of {later} bears entry" in done.out
    shutil.rmtree(path.parent / "incidents" / later)
    assert shop.wd("incidents", "verify").code == 0
    assert shop.wd("incidents", "verify", "--head", head).code == 2


def test_the_record_is_whole_after_several_processes_wrote_at_once(shop: Shop) -> None:
    recorded(shop)
    state = file_of(shop).parent
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(state), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ("one", "two", "three")
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("\n")
            writer.stdin.close()
        assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    finally:
        for writer in writers:
            writer.kill()
            writer.wait(30)
            assert writer.stdout is not None
            writer.stdout.close()
    done = shop.wd("incidents", "verify", "-o", "json")
    assert done.code == 0 and done.last["entries"] >= 3 * 12 * 5
