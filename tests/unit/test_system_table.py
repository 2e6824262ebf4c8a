"""The thin table: little is read of everybody, and everything of those that somebody asks for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

if sys.platform != "linux":
    pytest.skip("reads Linux's /proc", allow_module_level=True)

from watchdog.killing import family
from watchdog.model.process import Identity, Member, Process, Tree
from watchdog.policy import guards
from watchdog.system import clock
from watchdog.system.linux import lineage as linux_lineage
from watchdog.system.linux import processes as linux
from watchdog.system.process import lineage, processes
from watchdog.system.process.table import Table
from watchdog.targets.scene import Scene
from watchdog.targets.trees import grow_in

COUNT = 12


@pytest.fixture
def strangers() -> Iterator[list[int]]:
    """Processes that nobody asks about, in a session of their own."""
    found = [subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(COUNT)]
    try:
        yield [one.pid for one in found]
    finally:
        for one in found:
            one.kill()
            one.wait(30)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every file of /proc that is read meanwhile."""
    found: list[str] = []
    slurp = linux.slurp

    def noted(path: str) -> bytes | None:
        found.append(path)
        return slurp(path)

    monkeypatch.setattr(linux, "slurp", noted)
    return found


def me() -> Process:
    found = processes.read(os.getpid())
    assert found is not None
    return found


def of(pids: list[int], opened: list[str]) -> set[str]:
    """What was read of these processes, by the names of the files."""
    return {path.rpartition("/")[2] for path in opened if path.split("/")[2] in map(str, pids)}


def test_a_table_reads_one_file_of_each_process(strangers: list[int], opened: list[str]) -> None:
    table = processes.thin_table()
    assert set(strangers) <= set(table)
    assert of(strangers, opened) == {"stat"}
    assert all(opened.count(f"/proc/{pid}/stat") == 1 for pid in strangers)


def test_a_row_says_the_same_as_the_whole_process(strangers: list[int]) -> None:
    table = processes.thin_table()
    row, whole = table.rows[strangers[0]], processes.read(strangers[0])
    assert whole is not None and table[strangers[0]].identity == whole.identity and table[strangers[0]].uid == whole.uid
    for name in ("identity", "pid", "parent", "name", "session", "group", "kernel", "ended"):
        assert getattr(row, name) == getattr(whole, name), name


def test_the_tree_of_a_server_is_found_without_the_facts_of_strangers(strangers: list[int], opened: list[str]) -> None:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as server:
        try:
            assert grow_in(Scene(processes.thin_table(), ()), [server.pid]).pids == (server.pid,)
        finally:
            server.kill()
    assert of(strangers, opened) == {"stat"}


def test_who_has_left_a_tree_is_looked_for_without_the_facts_of_strangers(
    strangers: list[int], opened: list[str]
) -> None:
    tree = Tree(members=(Member(me(), "main"),))
    assert not {one.pid for one in family.escaped(tree, guards.ourselves())} & set(strangers)
    assert of(strangers, opened) <= {"stat"}


def test_a_look_at_a_few_pids_knows_them_as_well_as_a_look_at_everybody(strangers: list[int]) -> None:
    """Also their layout: a server that forks faster than it is killed is chased by it."""
    rows = processes.thin_table(strangers[:3]).rows
    assert list(rows) == strangers[:3]
    everybody = processes.thin_table().rows
    # A process may sleep in one look and wait for the disk in the next.
    assert {pid: row._replace(state="") for pid, row in rows.items()} == {
        pid: everybody[pid]._replace(state="") for pid in rows
    }
    assert all(row.layout for row in rows.values())


def test_what_ended_after_the_table_was_read_counts_as_ended() -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        table = processes.thin_table()
        process.kill()
        process.wait(30)
        assert not table.rows[process.pid].ended
        found = table[process.pid]
    assert found.ended and found.identity == table.rows[process.pid].identity and found.parent == os.getpid()


def test_a_pid_that_passed_to_another_process_is_not_taken_for_the_first_one() -> None:
    mine = me()
    earlier = replace(mine, identity=Identity(mine.identity.boot, mine.pid, mine.identity.ticks - 1))
    table = Table(Table.of({mine.pid: earlier}).rows, processes.read)
    assert table[mine.pid].ended and table[mine.pid].identity == earlier.identity


def test_whom_wd_stands_on_is_the_same_with_and_without_a_table() -> None:
    assert guards.ourselves() == guards.ourselves(processes.table())


def test_a_second_look_reads_only_who_may_be_new(strangers: list[int], opened: list[str]) -> None:
    settle(strangers)
    processes.thin_table()
    opened.clear()
    with subprocess.Popen(["sleep", "600"]) as newborn:
        try:
            rows = processes.recent_table().rows
        finally:
            newborn.kill()
    assert {newborn.pid, *strangers} <= rows.keys()
    assert not of(strangers, opened)
    assert of([newborn.pid], opened) == {"stat"}


def test_a_second_look_leaves_out_who_has_gone(strangers: list[int]) -> None:
    with subprocess.Popen(["sleep", "600"]) as short:
        assert short.pid in processes.thin_table().rows
        short.kill()
    assert short.pid not in processes.recent_table().rows


@pytest.mark.parametrize("counter", [0, 7])
@pytest.mark.parametrize("name", ["newest_pid", "forks"])
def test_everybody_is_read_again_once_pids_may_have_passed_to_others(
    strangers: list[int], opened: list[str], monkeypatch: pytest.MonkeyPatch, name: str, counter: int
) -> None:
    """The counter of pids has gone round, at its end or whole, or cannot be read."""
    settle(strangers)
    processes.thin_table()
    counted = lineage.newest_pid() if name == "newest_pid" else linux_lineage.forks()
    value = counter if name == "newest_pid" or not counter else counted + linux.pid_max()
    monkeypatch.setattr(linux_lineage, name, lambda: value)
    opened.clear()
    processes.recent_table()
    assert of(strangers, opened) == {"stat"}


def settle(pids: list[int]) -> None:
    """Wait until none of them counts as just born."""
    born = max(row.identity.ticks for row in processes.thin_table(pids).rows.values())
    assert clock.wait_until(lambda: lineage.ticks_now() - born > 20, 10)
