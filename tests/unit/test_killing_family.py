"""Who is taken for a child of the server while it ends, where the number of its parent may have had another owner."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from watchdog.killing.family import ServerFamily
from watchdog.model.process import Member, Process, Tree
from watchdog.policy import guards
from watchdog.system import holds
from watchdog.system.process import processes
from watchdog.system.process.table import Table


@pytest.fixture
def programs() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Three, one started after the other."""
    started = []
    try:
        for _ in range(3):
            child = subprocess.Popen(
                [sys.executable, "-c", "print(flush=True); import time; time.sleep(600)"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            )  # fmt: skip
            started.append(child)
            assert child.stdout is not None
            child.stdout.readline()  # the next one is younger by more than a tick
        yield started
    finally:
        for child in started:
            child.kill()
            child.communicate()


def fact(child: subprocess.Popen[bytes], parent: int) -> Process:
    found = processes.read(child.pid)
    assert found is not None
    return replace(found, parent=parent, session=child.pid)


def test_who_is_older_than_the_server_is_not_its_child_whatever_number_its_parent_had(
    programs: list[subprocess.Popen[bytes]],
) -> None:
    """Windows keeps the number of a parent that is gone, and gives it to another process: here, to the server."""
    older, server, younger = programs
    root = fact(server, 1)
    family = ServerFamily(Tree((Member(root, "main"),)), guards.ourselves())
    held = holds.hold(server.pid)
    assert held is not None
    family.add(held)
    server.kill()
    server.wait()
    table = Table.of({one.pid: fact(one, server.pid) for one in (older, younger)})
    try:
        assert [one.pid for one in family.newcomers(table)] == [younger.pid]
        assert not family.newcomer(table.rows[older.pid], table)
        assert family.newcomer(table.rows[younger.pid], table)
    finally:
        held.close()
