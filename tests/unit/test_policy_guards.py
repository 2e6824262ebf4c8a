"""Who is never ended, and how many at most: a table of the accidents that ended the wrong process elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from watchdog.model.process import Identity, Member, Process, Tree
from watchdog.policy import guards
from watchdog.policy.guards import Ourselves

US = Ourselves(pid=500, ancestors=frozenset({1, 400, 450}), session_leader=440, uid=1000, pid_namespace=1)
ROOT = replace(US, uid=0)


def process(pid: int, **changed: object) -> Process:
    plain = Process(
        identity=Identity("b", pid, pid * 10),
        parent=1,
        name="python3",
        state="S",
        session=pid,
        group=pid,
        terminal=0,
        uid=1000,
        user="shop",
        started=0.0,
        threads=1,
        rss=0,
        cpu_seconds=0.0,
        kernel=False,
        cmdline=("python3", "server.py"),
        pid_namespace=1,
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def tree(*members: Process, role: str = "main") -> Tree:
    return Tree(tuple(Member(one, "child" if place else role) for place, one in enumerate(members)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("victim", "words"),
    [
        (process(0), "groups of processes"),
        (process(-1), "groups of processes"),
        (process(1), "first process"),
        (process(500), "wd itself"),
        (process(400), "started by it"),
        (process(450), "started by it"),
        (process(440), "leads the session"),
        (process(2, kernel=True), "kernel"),
        (process(900, uid=33, user="www"), "belongs to user www"),
        (process(900, pid_namespace=77), "another PID namespace"),
    ],
)
def test_nobody_who_must_live_is_ended(victim: Process, words: str) -> None:
    (refusal,) = guards.tree_refusals(tree(victim), US)
    assert words in refusal and f"pid {victim.pid}" in refusal


def test_a_server_that_started_us_is_spared_though_only_its_child_is_protected() -> None:
    (refusal,) = guards.tree_refusals(tree(process(900), process(450, parent=900)), US)
    assert "pid 450" in refusal


def test_root_may_end_a_process_of_any_user() -> None:
    assert guards.tree_refusals(tree(process(900, uid=33)), ROOT) == ()


def test_an_ordinary_server_may_be_ended() -> None:
    assert guards.tree_refusals(tree(process(900), process(901)), US) == ()


def test_a_child_in_a_namespace_of_its_own_is_the_servers_all_the_same() -> None:
    """A browser's sandbox, for example; but an orphan there may be anybody's."""
    browser = process(901, pid_namespace=77)
    assert guards.tree_refusals(tree(process(900), browser), ROOT) == ()
    orphans = Tree((Member(process(900), "orphan"), Member(browser, "orphan")))
    assert len(guards.tree_refusals(orphans, ROOT)) == 1


def test_a_namespace_that_cannot_be_read_is_no_reason_to_refuse() -> None:
    assert guards.tree_refusals(tree(process(900, pid_namespace=None)), US) == ()


@pytest.mark.parametrize(
    ("count", "everything", "agreed", "words"),
    [
        (1, False, False, ""),
        (2, False, False, "--all"),
        (3, True, False, ""),
        (4, True, False, "3 at most"),
        (50, True, True, ""),
        (50, False, True, "--all"),
    ],
)
def test_more_servers_than_meant_are_not_ended(count: int, everything: bool, agreed: bool, words: str) -> None:
    trees = [tree(process(1000 + number)) for number in range(count)]
    refusal = guards.count_refusals(trees, everything=everything, agreed=agreed)
    assert words in refusal if words else refusal == ""


def test_another_program_on_the_port_is_ended_only_when_all_was_said() -> None:
    other = tree(process(900, cmdline=("python3", "other.py")))
    assert "not the configured program (server.py)" in guards.wrong_program(other, False, "server.py", everything=False)
    assert guards.wrong_program(other, False, "server.py", everything=True) == ""
    assert guards.wrong_program(other, True, "server.py", everything=False) == ""


def test_a_child_that_ended_while_the_machine_was_looked_at_is_no_reason_to_refuse() -> None:
    gone = process(101, state="X", uid=-1, user="?")
    assert guards.tree_refusals(tree(process(100), gone), US) == ()
