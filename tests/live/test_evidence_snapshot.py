"""The evidence of a real server: whole, hashed, closed to others, in time, and never in the way."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest
from support import SERVERS, Server, alive, running, wait_for

from watchdog.evidence import snapshot
from watchdog.evidence.gather import quick
from watchdog.model.errors import Refused
from watchdog.model.evidence import Evidence, Gap
from watchdog.model.process import Tree
from watchdog.model.snapshot import Snapshot
from watchdog.system.disk import files
from watchdog.system.net import http
from watchdog.system.process import processes
from watchdog.targets import trees

PLAIN = str(SERVERS / "plain.py")


def tree_of(server: Server) -> Tree:
    return trees.grow((server.pid,), processes.table())


def content(taken: Snapshot, name: str) -> str:
    return (Path(taken.folder) / name).read_text()


def proven(taken: Snapshot) -> None:
    """The manifest is there, and every file is what its hash says."""
    manifest = json.loads(content(taken, "manifest.json"))
    assert manifest["artifacts"] == [one.record() for one in taken.artifacts]
    for one in taken.artifacts:
        if one.path:
            data = (Path(taken.folder) / one.path).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (one.size, one.sha256), one
        else:
            assert one.error


def test_a_hung_server_leaves_stacks_threads_sockets_machine_and_log(folder: Path) -> None:
    log = folder / "shop.log"
    with running(PLAIN, "{port}", "--password", "hunter2XyZ", log=log) as server:
        log.open("a").write("ERROR token=hunter2XyZ\n")
        threading.Thread(target=http.ask, args=(server.url + "/sleep",), kwargs={"timeout": 60.0}, daemon=True).start()
        wait_for(lambda: len(processes.thread_ids(server.pid)) > 1, "the request is at work")
        taken = snapshot.take(tree_of(server), folder / "evidence", [log], 12.0)
        assert alive(server.pid) and http.ask(server.url + "/health", timeout=5).status == 200
    proven(taken)
    kinds = {one.kind for one in taken.artifacts if one.path}
    assert {"stacks", "threads", "processes", "connections", "descriptors", "machine", "log", "series"} <= kinds
    assert "do_GET" in content(taken, "stacks.txt") and "time.sleep(3600)" in content(taken, "stacks.txt")
    target = json.loads(content(taken, "processes.json"))["targets"][0]
    assert target["pid"] == server.pid and target["ports"] == [server.port]
    machine = json.loads(content(taken, "machine.json"))
    assert len(machine["top_memory"]) == 10 and machine["disks"] and machine["memory_total"] > 0
    assert all(one["cmdline"] for one in machine["top_memory"]), "whose memory it is"
    for path in (folder / "evidence").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
        assert path.is_dir() or b"hunter2XyZ" not in path.read_bytes(), path
    assert taken.seen is not None and taken.seen.tree is not None


def test_a_short_look_keeps_the_same_files_as_a_long_one(folder: Path) -> None:
    log = folder / "shop.log"
    with running(PLAIN, "{port}", log=log) as server:
        tree = tree_of(server)
        long = snapshot.take(tree, folder / "long", [log], 8.0)
        short = snapshot.take(tree, folder / "short", [log], 8.0, enough=0.3)
    proven(short)
    one, other = ({(one.kind, Path(one.path).suffix) for one in taken.artifacts} for taken in (long, short))
    assert one == other
    assert short.seen is not None and len(short.seen.looks) > 1, "what moves is seen"
    assert short.seen.tasks, "its memory was read"


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_it_is_closed_to_others_under_any_umask(folder: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with running(PLAIN, "{port}") as server:
            tree = tree_of(server)
            snapshot.take(tree, folder / "a" / "evidence", [PLAIN], 2.0, quick(tree))
    finally:
        os.umask(before)
    found = {path: path.stat().st_mode & 0o777 for path in (folder / "a").rglob("*")}
    assert len(found) > 5
    assert {path for path, mode in found.items() if mode != (0o700 if path.is_dir() else 0o600)} == set()


def test_where_nothing_runs_the_logs_and_the_machine_still_tell(folder: Path) -> None:
    log = folder / "shop.log"
    log.write_text("MemoryError\n")
    taken = snapshot.take(None, folder / "evidence", [log], 3.0)
    proven(taken)
    kinds = {one.kind for one in taken.artifacts if one.path}
    assert {"log", "machine", "processes"} <= kinds
    assert any("nothing runs" in (one.error or "") for one in taken.artifacts)


def test_a_server_that_dies_while_it_is_looked_at_leaves_what_was_seen(folder: Path) -> None:
    dice = random.Random(3)
    for number in range(6):
        with running(PLAIN, "{port}") as server:
            tree = tree_of(server)
            end = threading.Timer(dice.random(), os.kill, (server.pid, signal.SIGKILL))
            end.start()
            taken = snapshot.take(tree, folder / str(number), [], 2.0)
            end.join()
        proven(taken)
        assert json.loads(content(taken, "processes.json"))["targets"][0]["pid"] == server.pid


def test_a_log_that_never_answers_costs_its_share_of_the_time_and_no_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, real = threading.Event(), files.tail_bytes

    def stuck(path: str | Path, limit: int) -> object:
        return release.wait(60) if "dead" in str(path) else real(path, limit)

    monkeypatch.setattr("watchdog.evidence.logs.files.tail_bytes", stuck)
    (folder / "good.log").write_text("hello\n")
    begun = time.monotonic()
    try:
        taken = snapshot.take(
            None, folder / "evidence", [folder / "dead.log", folder / "good.log"], 2.0, Evidence(None)
        )
    finally:
        release.set()
    assert time.monotonic() - begun < 30  # not the minute for which the log would have kept us
    proven(taken)
    dead, good = (one for one in taken.artifacts if one.kind == "log")
    assert "not done within" in str(dead.error)
    assert good.path or good.error


def test_a_record_that_cannot_be_written_costs_only_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(found: Evidence) -> str:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(snapshot, "_processes", broken)
    taken = snapshot.take(None, folder / "e", [], 1.0, Evidence(None, gaps=(Gap("peers", "no answer", "try as root"),)))
    told = {one.kind: one.error for one in taken.artifacts}
    assert "no such luck" in str(told["processes"]) and told["peers"] == "no answer try as root"
    proven(taken)


@pytest.mark.root
def test_a_link_or_a_strangers_folder_in_its_place_is_refused(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "evidence").symlink_to(folder / "elsewhere")
    with pytest.raises(Refused):
        snapshot.take(None, folder / "evidence", [], 1.0, Evidence(None))
    (folder / "theirs").mkdir()
    os.chown(folder / "theirs", 65534, 65534)
    with pytest.raises(Refused):
        snapshot.take(None, folder / "theirs", [], 1.0, Evidence(None))
    assert list((folder / "elsewhere").iterdir()) == []


def test_the_next_snapshot_of_a_run_gets_a_folder_of_its_own(folder: Path) -> None:
    names = []
    for _ in range(3):
        place = snapshot.free_folder(folder)
        snapshot.take(None, place, [], 1.0, Evidence(None))
        names.append(place.name)
    assert names == ["evidence", "evidence-2", "evidence-3"]


def test_a_tree_of_hundreds_of_threads_fits_its_share(folder: Path) -> None:
    with running(PLAIN, "{port}") as server:
        tree = tree_of(server)
        seen = quick(tree)
    many = Evidence(tree, stacks=seen.stacks * 4000, looks=seen.looks * 20_000)
    taken = snapshot.take(tree, folder / "evidence", [], 20.0, many)
    proven(taken)
    assert sum(one.size for one in taken.artifacts) <= snapshot.AT_MOST
    assert any("only every" in (one.error or "") for one in taken.artifacts)
