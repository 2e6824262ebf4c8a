"""The journal against kill -9, a full disk, flipped bits and many writers, with real processes and a real disk."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from watchdog.journal import store
from watchdog.journal.store import Journal
from watchdog.model.errors import NothingMatched
from watchdog.model.incident import Trigger

ROUNDS = int(os.environ.get("WD_ROUNDS", "1"))  # how many times more than the suite needs
ROOT = Path(__file__).parents[2]
PERSON = Trigger("person")

# Says what it was told is written, and only then goes on.
WRITER = """
import sys, os, pathlib
from watchdog.journal.store import Journal
from watchdog.model.incident import Restart, Trigger
journal = Journal.open(pathlib.Path(sys.argv[1]))
def told(*words):
    os.write(1, (" ".join(words) + "\\n").encode())
told("ready")
for number in range(int(sys.argv[2])):
    incident = journal.open_incident("shop", "frozen-server", Trigger("probe")).id
    told("opened", incident)
    for step in (1, 2):
        journal.begin_step(incident, step, "kill", "kill")
        told("begun", incident, str(step))
        journal.end_step(incident, step, "ok", data={"n": number})
        told("ended", incident, str(step))
    journal.record_restart(Restart("shop", float(number + 1), True, incident))
    told("restarted", incident)
    journal.update(incident, signature="s", cause="busy-loop")
    journal.close(incident, "recovered")
    told("closed", incident)
told("done", str(journal.in_memory))
"""


def writer(state: Path, count: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", WRITER, str(state), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, start_new_session=True)


def check(journal: Journal, lines: list[str]) -> None:
    """Everything that was acknowledged is there."""
    restarted = {restart.incident for restart in journal.restarts("shop", 0.0)}
    for line in lines:
        what, name, *rest = line.split()
        found = journal.incident(name)
        if what in ("begun", "ended"):
            step = found.steps[int(rest[0]) - 1]
            assert step.step == "kill" and (what == "begun" or step.outcome == "ok"), line
        if what == "restarted":
            assert name in restarted, line
        if what == "closed":
            assert found.outcome == "recovered" and found.signature == "s", line


def test_nothing_that_was_acknowledged_is_lost_by_kill_9(folder: Path) -> None:
    dice = random.Random(9)
    for number in range(30 * ROUNDS):
        process = writer(folder, 1_000_000)
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        time.sleep(dice.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate()
        told = out.decode().splitlines()
        warnings: list[str] = []
        with Journal.open(folder, warnings.append) as journal:
            check(journal, told[-40:])
            assert not journal.in_memory and warnings == [], f"round {number}: {warnings}"
            cut_off = {incident.id for incident in journal.unfinished()}
            running = {found.id for found in journal.incidents() if found.outcome == "running"}
            assert running == cut_off  # the dead writer's run, if it had one open, and no other
            for incident in cut_off:
                journal.close(incident, "interrupted")


def test_eight_writers_at_once_lose_nothing_and_fail_never(folder: Path) -> None:
    count = 20 * ROUNDS
    writers = [writer(folder, count) for _ in range(8)]
    said = [process.communicate()[0].decode().splitlines() for process in writers]
    assert [process.returncode for process in writers] == [0] * 8
    assert [lines[-1] for lines in said] == ["done False"] * 8
    with Journal.open(folder) as journal:
        assert len(journal.incidents(limit=100_000)) == 8 * count
        for lines in said:
            check(journal, lines[1:-1][-50:])


def test_flipped_bits_never_end_a_run(folder: Path) -> None:
    warnings: list[str] = []
    with Journal.open(folder / "good") as journal:
        for _ in range(20):
            incident = journal.open_incident("shop", "x", PERSON)
            journal.begin_step(incident.id, 1, "kill", "kill")
            journal.end_step(incident.id, 1, "ok", data={"a": [1]})
            journal.update(incident.id, signature="s", old_pids=(1,), finding={"a": 1})
            journal.close(incident.id, "recovered")
    good = (folder / "good" / store.FILE).read_bytes()
    dice = random.Random(4)
    for number in range(60 * ROUNDS):
        state = folder / "state"
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir(0o700)
        bad = bytearray(good)
        for _ in range(dice.choice((1, 8, 64, 512))):
            bad[dice.randrange(len(bad))] ^= 1 << dice.randrange(8)
        (state / store.FILE).write_bytes(bad)
        with Journal.open(state, warnings.append) as journal:
            incident = journal.open_incident("shop", "x", PERSON)
            journal.begin_step(incident.id, 1, "kill", "kill")
            journal.update(incident.id, signature="s")
            journal.close(incident.id, "recovered")
            journal.unfinished()
            for found in journal.incidents():
                with contextlib.suppress(NothingMatched):  # a bit of the id itself was hit
                    journal.incident(found.id).record()
            journal.restarts(None, 0.0)
            journal.tidy()
            assert journal.incident(incident.id).outcome == "recovered", number


FULL = """
import os, sys, pathlib
from watchdog.evidence import snapshot
from watchdog.journal.store import Journal
from watchdog.model.evidence import Evidence
from watchdog.model.errors import NothingMatched
from watchdog.model.incident import Trigger
from watchdog.model.probing import Sample
place = pathlib.Path(sys.argv[1])
warnings = []
journal = Journal.open(place, warnings.append)
first = journal.open_incident("shop", "x", Trigger("person")).id
journal.close(first, "recovered")
for number in range(100_000):
    journal.add_samples({"shop": [Sample("health", float(number), "ok", 0.1, "x" * 200) for _ in range(50)]})
    if journal.in_memory:
        break
assert journal.in_memory and len(warnings) == 1 and "no space" in warnings[0], warnings
second = journal.open_incident("shop", "x", Trigger("person")).id  # the run goes on
journal.begin_step(second, 1, "kill", "kill")
journal.close(second, "recovered")
assert journal.incident(second).outcome == "recovered" and journal.incident(first).outcome == "recovered"
taken = snapshot.take(None, place / "evidence", [], 1.0, Evidence(None))
assert all(not one.path or one.error for one in taken.artifacts), taken
assert any("no room" in (one.error or "") or "space" in (one.error or "") for one in taken.artifacts), taken
(place / "ballast").unlink(missing_ok=True)
print("told", first)
"""


@pytest.mark.root
def test_a_full_disk_leaves_the_old_state_whole_and_the_run_goes_on(folder: Path) -> None:
    place = folder / "small"
    place.mkdir()
    script = (
        f"mount -t tmpfs -o size=1m,mode=700 tmpfs {place} && {sys.executable} -c '{FULL}' {place} "
        f"&& cp {place}/journal.db* {folder}/"
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-ec", script], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    first = done.stdout.split()[-1]
    with Journal.open(folder) as journal:
        assert journal.incident(first).outcome == "recovered" and len(journal.incidents()) == 1


def test_a_writer_that_is_stopped_in_a_transaction_keeps_nobody_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal.open(folder):
        pass
    monkeypatch.setattr("watchdog.journal.opening.BUSY_SECONDS", 0.2)
    other = sqlite3.connect(folder / store.FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    warnings: list[str] = []
    with Journal.open(folder, warnings.append) as journal:
        incident = journal.open_incident("shop", "x", PERSON)
        journal.close(incident.id, "recovered")
        assert journal.in_memory and journal.incident(incident.id).outcome == "recovered"
    assert "another process" in warnings[0]
    other.close()
